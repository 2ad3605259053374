"""What exploration shows about flights: when, with whom, where and in which weather they are late."""

from .carriers import CARRIERS
from .delays import DELAYS
from .destinations import DESTINATIONS
from .weather import WEATHER
from .when import CANCELLATIONS, HOURS, MONTHS

__all__ = ["PICTURES"]

PICTURES = (MONTHS, DELAYS, HOURS, CARRIERS, WEATHER, DESTINATIONS, CANCELLATIONS)
