"""When days and billing months began, as UTC texts of the tables: at midnight in the zone of the setting `timezone`."""

from ..base.clock import utc_text
from ..base.zone import Zone


class Months:
    """settings (timezone), clock."""

    def __init__(self, settings, clock):
        self.settings = settings
        self.clock = clock
        self._zone = Zone()

    @property
    def zone(self):
        if self._zone.name != self.settings.timezone:
            self._zone = Zone(self.settings.timezone)
        return self._zone

    def today(self):
        """When this day began."""
        return utc_text(self.zone.day(self.clock.now()))

    def month(self, billingday=1):
        """When the month of an account with that tb_users.billingday began."""
        return utc_text(self.zone.month(self.clock.now(), billingday or 1))
