"""Which stamps of a clock are dates: one that was never set counts from when it was switched on."""

FIRST_DATE_NS = 946_684_800 * 10**9  # the year 2000, UTC
