"""Training data: from folders of pictures to batches of LR and HR crops.

The way of a crop: `listing` finds the files, `decoding` reads one, `cache` or `sources` hold the pictures,
`sampling` says which crop comes when, `batches` puts a batch together. `coco` is the same with the interface
of an older project. Import from these modules: this file imports nothing, so that a list of pictures costs
no framework.
"""
