"""What whoever runs a network has to know of it: one descriptor, from the exporter to the engines."""

from collections.abc import Mapping
from dataclasses import dataclass

from keras_sr.errors import WeightsError

#: Assumed for a network that does not say how much memory it needs per LR pixel (SRResNet's need).
_BYTES_PER_PIXEL = 8192


@dataclass(frozen=True)
class NetworkFacts:
    """A network's facts: the exporter writes them into its file, and engines read them there.

    Attributes:
        name: What it is called.
        scale: SR size over LR size.
        receptive_field: How many LR pixels away an SR pixel can see; the margin that tiles need.
        bytes_per_pixel: Memory of the activations per LR pixel, an estimate that tile sizes follow from.
        frame: By how many LR pixels a picture is mirrored around itself before it runs.
        licence: SPDX name of the licence of the weights, or "" where it is not known.
        value_range: What black and white are for the network, in and out; engines convert from [0, 1].
        bands: Bands of the pictures that it takes: 1 (grey), 3 (RGB) or 4; engines fit RGB to it.
        multiple: What the sides of an LR picture have to be multiples of; engines fill it up, and tiles begin
            at such places.
    """

    name: str
    scale: int
    receptive_field: int
    bytes_per_pixel: int = _BYTES_PER_PIXEL
    frame: int = 0
    licence: str = ""
    value_range: tuple[float, float] = (0.0, 1.0)
    bands: int = 3
    multiple: int = 1

    def as_metadata(self) -> dict[str, str]:
        """Return the facts as the metadata properties of an ONNX file.

        Examples:
            >>> NetworkFacts("blur", 2, 1).as_metadata()["receptive_field"]
            '1'
        """
        facts = {
            "name": self.name,
            "scale": str(self.scale),
            "receptive_field": str(self.receptive_field),
            "bytes_per_pixel": str(self.bytes_per_pixel),
            "frame": str(self.frame),
            "licence": self.licence,
        }
        if self.value_range != (0.0, 1.0):
            facts["value_range"] = " ".join(f"{end:g}" for end in self.value_range)
        if (self.bands, self.multiple) != (3, 1):
            facts |= {"bands": str(self.bands), "multiple": str(self.multiple)}
        return facts

    @classmethod
    def from_metadata(cls, properties: Mapping[str, str], where: str, name: str) -> "NetworkFacts":
        """Read the facts from the metadata properties of an ONNX file.

        Args:
            properties: The properties.
            where: The file, for errors.
            name: What the network is called where the file does not say.

        Raises:
            WeightsError: The scale or the receptive field is not there, or something is no number.
        """
        try:
            low, high = map(float, properties.get("value_range", "0 1").split())
            return cls(
                name=properties.get("name", name),
                scale=int(properties["scale"]),
                receptive_field=int(properties["receptive_field"]),
                bytes_per_pixel=int(properties.get("bytes_per_pixel", _BYTES_PER_PIXEL)),
                # Networks from elsewhere say nothing of a frame, and run as their authors ran them.
                frame=int(properties.get("frame", 0)),
                licence=properties.get("licence", ""),
                value_range=(low, high),
                bands=int(properties.get("bands", 3)),
                multiple=int(properties.get("multiple", 1)),
            )
        except (KeyError, ValueError) as error:
            raise WeightsError(
                f"{where} does not say its scale and receptive field: "
                "export it with keras_sr.export.export_onnx"
            ) from error
