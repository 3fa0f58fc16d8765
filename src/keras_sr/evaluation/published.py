"""Published figures, to stand beside ours, on LR pictures made by MATLAB's bicubic kernel but for a few.

Each row belongs to one protocol and one scale and is shown under no other. Figures that could not be checked
against their source say so in their note.
"""

from dataclasses import dataclass

_LEDIG = "Ledig et al., CVPR 2017, arXiv 1609.04802v5"
_EUSR = "the authors' pictures measured again: README of idearibosome/tf-perceptual-eusr"
_ESRGAN = "README of xinntao/ESRGAN"
_HAT = "README of XPixelGroup/HAT"
_TUTORIAL = "README of sgrvinod/a-PyTorch-Tutorial-to-Super-Resolution"
_FSRCNN = "README of yjn870/FSRCNN-pytorch"
_ESPCN = "README of yjn870/ESPCN-pytorch"
_SPSR = "Ma et al., CVPR 2020 (SPSR), Table 1"
_BASICSR = "docs of XPixelGroup/BasicSR"

_DAALA = "SSIM of the daala package, about 0.025 above the usual one"
_UNCHECKED = "not checked against the paper"


@dataclass(frozen=True)
class Published:
    """A row of somebody's table.

    Attributes:
        method: As its authors call it; with the measurer in brackets where that is somebody else.
        figures: set: (PSNR in dB, SSIM or None, LPIPS or None).
        source: Where it stands.
        note: What to know before comparing.
        recipe: The recipe of ours that this is the measure of, or "".
        protocol: The protocol's name.
        scale: HR size over LR size.
        usual_ssim: Whether its SSIM may be compared with ours.
        perceptual: Whether it gives away PSNR on purpose, to look better.
        usual_lr: Whether its LR pictures were made by MATLAB's kernel; if not, nothing is judged by it.
    """

    method: str
    figures: dict[str, tuple[float, float | None, float | None]]
    source: str
    note: str = ""
    recipe: str = ""
    protocol: str = "paper"
    scale: int = 4
    usual_ssim: bool = True
    perceptual: bool = False
    usual_lr: bool = True


ROWS = (
    Published(
        "FSRCNN",
        {"Set5": (30.55, None, None)},
        _FSRCNN,
    ),
    Published(
        "SRCNN",
        {
            "Set5": (30.48, 0.8628, None),
            "Set14": (27.50, 0.7513, None),
            "BSD100": (26.90, 0.7101, None),
            "Urban100": (24.52, 0.7221, None),
        },
        _ESRGAN,
    ),
    Published(
        "SRResNet",
        {"Set5": (32.05, 0.9019, None), "Set14": (28.49, 0.8184, None), "BSD100": (27.58, 0.7620, None)},
        f"{_LEDIG}, Table 2",
        _DAALA,
        recipe="srresnet_mse",
        usual_ssim=False,
    ),
    Published("SRResNet (tf-perceptual-eusr)", {"BSD100": (27.601, 0.737, None)}, _EUSR),
    Published(
        "SRResNet-VGG22",
        {"Set5": (30.51, 0.8803, None), "Set14": (27.19, 0.7807, None), "BSD100": (26.322, None, None)},
        f"{_LEDIG}, Table 1; BSD100: {_EUSR}",
        f"{_DAALA}; Set5 and Set14 {_UNCHECKED}",
        recipe="srresnet_vgg22",
        usual_ssim=False,
        perceptual=True,
    ),
    Published(
        "SRGAN-MSE",
        {"Set5": (30.64, 0.8701, None), "Set14": (26.92, 0.7611, None), "BSD100": (25.981, None, None)},
        f"{_LEDIG}, Table 1; BSD100: {_EUSR}",
        f"{_DAALA}; Set5 and Set14 {_UNCHECKED}",
        recipe="srgan_mse",
        usual_ssim=False,
        perceptual=True,
    ),
    Published(
        "SRGAN-VGG22",
        {"Set5": (29.84, 0.8468, None), "Set14": (26.44, 0.7518, None), "BSD100": (25.697, None, None)},
        f"{_LEDIG}, Table 1; BSD100: {_EUSR}",
        f"{_DAALA}; Set5 and Set14 {_UNCHECKED}",
        recipe="srgan_vgg22",
        usual_ssim=False,
        perceptual=True,
    ),
    Published(
        "SRGAN",
        {"Set5": (29.40, 0.8472, None), "Set14": (26.02, 0.7397, None), "BSD100": (25.16, 0.6688, None)},
        f"{_LEDIG}, Table 2",
        _DAALA,
        recipe="srgan_vgg54",
        usual_ssim=False,
        perceptual=True,
    ),
    Published("SRGAN (tf-perceptual-eusr)", {"BSD100": (25.176, 0.641, None)}, _EUSR, perceptual=True),
    Published(
        "SRResNet (sgrvinod)",
        {"Set5": (31.927, 0.902, None), "Set14": (28.588, 0.799, None), "BSD100": (27.587, 0.756, None)},
        _TUTORIAL,
        "LR by Pillow, another SSIM",
        usual_ssim=False,
        usual_lr=False,
    ),
    Published(
        "SRGAN (sgrvinod)",
        {"Set5": (29.719, 0.859, None), "Set14": (26.509, 0.729, None), "BSD100": (25.531, 0.678, None)},
        _TUTORIAL,
        "LR by Pillow, another SSIM",
        usual_ssim=False,
        usual_lr=False,
        perceptual=True,
    ),
    Published(
        "SRGAN (SPSR)",
        {
            "Set5": (29.17, None, 0.0882),
            "Set14": (26.17, None, 0.1663),
            "BSD100": (25.46, 0.6485, 0.1980),
            "Urban100": (24.40, None, 0.1551),
        },
        _SPSR,
        _UNCHECKED,
        perceptual=True,
    ),
    Published(
        "ESRGAN (SPSR)",
        {
            "Set5": (30.45, None, 0.0748),
            "Set14": (26.28, None, 0.1329),
            "BSD100": (25.32, 0.6506, 0.1614),
            "Urban100": (24.36, None, 0.1229),
        },
        _SPSR,
        _UNCHECKED,
        perceptual=True,
    ),
    Published(
        "EDSR",
        {
            "Set5": (32.46, 0.8968, None),
            "Set14": (28.80, 0.7876, None),
            "BSD100": (27.71, 0.7420, None),
            "Urban100": (26.64, 0.8033, None),
        },
        _ESRGAN,
    ),
    Published(
        "RCAN",
        {
            "Set5": (32.63, 0.9002, None),
            "Set14": (28.87, 0.7889, None),
            "BSD100": (27.77, 0.7436, None),
            "Urban100": (26.82, 0.8087, None),
        },
        _ESRGAN,
    ),
    Published(
        "SwinIR",
        {
            "Set5": (32.92, None, None),
            "Set14": (29.09, None, None),
            "BSD100": (27.92, None, None),
            "Urban100": (27.45, None, None),
        },
        _HAT,
    ),
    Published(
        "MSRResNet (BasicSR)",
        {"Set5": (30.2468, 0.8651, None), "Set14": (26.7817, 0.7451, None)},
        _BASICSR,
        "no batch norm; another SSIM",
        recipe="srresnet_mse",
        protocol="rgb",
        usual_ssim=False,
    ),
    Published(
        "MSRGAN (BasicSR)",
        {"Set5": (28.0158, 0.8087, None), "Set14": (24.7474, 0.6623, None)},
        _BASICSR,
        "no batch norm; another SSIM",
        recipe="srgan_vgg54",
        protocol="rgb",
        usual_ssim=False,
        perceptual=True,
    ),
    Published(
        "EDSR-L (BasicSR)",
        {"Set5": (30.5499, 0.8701, None), "Set14": (27.0011, 0.7509, None)},
        _BASICSR,
        "another SSIM",
        protocol="rgb",
        usual_ssim=False,
    ),
    Published("ESPCN", {"Set5": (32.55, None, None)}, _ESPCN, _UNCHECKED, scale=3),
    Published("ESPCN (yjn870)", {"Set5": (32.88, None, None)}, _ESPCN, scale=3),
    Published(
        "MSRResNet (BasicSR)",
        {"Set5": (32.4038, 0.9032, None), "Set14": (28.4418, 0.8106, None)},
        _BASICSR,
        "no batch norm; another SSIM",
        protocol="rgb",
        scale=3,
        usual_ssim=False,
    ),
    Published(
        "MSRResNet (BasicSR)",
        {"Set5": (35.7483, 0.9442, None), "Set14": (31.5403, 0.8937, None)},
        _BASICSR,
        "no batch norm; another SSIM",
        protocol="rgb",
        scale=2,
        usual_ssim=False,
    ),
)


def rows_for(name: str, scale: int, protocol: str) -> list[Published]:
    """Return the published rows that may stand in the table of a set, the lowest PSNR first."""
    rows = [row for row in ROWS if (row.scale, row.protocol) == (scale, protocol) and name in row.figures]
    return sorted(rows, key=lambda row: row.figures[name][0])


#: Half of the last digit that papers print, and how near counts as "within".
_ROUNDING = 0.005
_NEAR = 0.05


def verdict(psnr: float, name: str, rows: list[Published], recipe: str = "") -> tuple[str, str]:
    """Judge a mean PSNR against the published row of the same recipe, or against the nearest ones.

    Args:
        psnr: Ours, in dB.
        name: The set.
        rows: From `rows_for`, the lowest PSNR first.
        recipe: What trained our network, or "".

    Returns:
        `"reached"`, `"within"` (0.05 dB), `"below"` or `"none"`, and a phrase that says it.

    Examples:
        >>> verdict(30.93, "Set5", rows_for("Set5", 4, "paper"), "srresnet_mse")
        ('below', 'below SRResNet by 1.12 dB')
    """
    own = [row for row in rows if recipe and row.recipe == recipe]
    if own:
        return against(psnr, own[0], name)
    # A method that gives PSNR away is no measure for one that does not, nor is one on other LR pictures.
    judged = [(row, *against(psnr, row, name)) for row in rows if row.usual_lr and not row.perceptual]
    reached = [text for _, state, text in judged if state == "reached"]
    missed = [(state, text) for _, state, text in judged if state != "reached"]
    if not reached:
        return missed[0] if missed else ("none", "")
    # The best that was reached and the next one above say where it stands.
    return "reached", "; ".join([reached[-1], *(text for _, text in missed[:1])])


def against(psnr: float, row: Published, name: str) -> tuple[str, str]:
    """Judge a mean PSNR against one published row."""
    short = row.figures[name][0] - psnr
    if row.perceptual and short <= _ROUNDING:
        # More of what it gives away on purpose is no success: a blur has more, too.
        above = f"{max(-short, 0):.2f} dB above {row.method} ({row.figures[name][0]:.2f})"
        return "none", f"{above}, which gives PSNR away: compare LPIPS"
    if short <= _ROUNDING:
        return "reached", f"reached {row.method} ({row.figures[name][0]:.2f})"
    if short <= _NEAR:
        return "within", f"within {short:.2f} dB of {row.method}"
    return "below", f"below {row.method} by {short:.2f} dB"
