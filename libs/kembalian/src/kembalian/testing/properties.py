"""How Hypothesis plays in this house: on a machine that is busy, slow is not wrong."""

from hypothesis import HealthCheck, settings

PROFILE = "house"

settings.register_profile(PROFILE, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(PROFILE)
