"""The pictures of the exploration report: late flights by time, carrier, destination and weather."""

from .carriers import CARRIERS
from .delays import DELAYS
from .destinations import DESTINATIONS
from .weather import WEATHER
from .when import CANCELLATIONS, HOURS, MONTHS

__all__ = ["PICTURES"]

PICTURES = (MONTHS, DELAYS, HOURS, CARRIERS, WEATHER, DESTINATIONS, CANCELLATIONS)
