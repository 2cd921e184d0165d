"""Why a bundle is not made; each carries the figure that decided."""

from groundswell.errors import BundleError


class ParityError(BundleError):
    """ONNX and torch disagree; ``difference`` is the largest absolute difference found."""

    def __init__(self, message: str, difference: float) -> None:
        super().__init__(message)
        self.difference = difference


class QuantisationError(BundleError):
    """An int8 graph says other things than fp32; ``agreement`` is the share of equal labels."""

    def __init__(self, message: str, agreement: float) -> None:
        super().__init__(message)
        self.agreement = agreement
