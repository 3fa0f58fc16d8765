"""A batch on a cluster: Ray carries paths to workers and rows back, never pixels."""
