"""Packages that warn while they are being imported, imported once in silence: what warns later is ours to answer for."""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import models.plots
    import models.registry

__all__ = ["models"]
