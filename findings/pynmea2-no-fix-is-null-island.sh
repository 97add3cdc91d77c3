#!/usr/bin/env bash
# Finding: a GPS sentence without a fix is a place at 0 degrees north, 0 degrees east in pynmea2
#
# Packages: pynmea2==1.19.0, pynmeagps==1.1.8 (Python 3.11 or later)
#
# Guess: a sentence whose coordinates are empty has the latitude None, as it has the altitude None.
#
# Seen: of a GGA sentence with empty coordinates and the quality 0 pynmea2 gives latitude and longitude
#   0.0, both of them floats, beside an altitude of None; of an RMC sentence with status V as well.
#   pynmeagps gives empty strings. `is_valid` is False, for who asks.
#
# Why it matters: receivers send such sentences for the first seconds of each recording and in tunnels.
#   A track begins in the Gulf of Guinea, its bounding box and its length span a quarter of the Earth,
#   and a mean position is off by the share of the seconds without a fix.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q pynmea2==1.19.0 pynmeagps==1.1.8
cd "$work"
"$work/v/bin/python" - <<'PY'
import pynmea2
from pynmeagps import NMEAReader

def with_checksum(text):
    total = 0
    for byte in text.encode():
        total ^= byte
    return f"${text}*{total:02X}"

gga = with_checksum("GPGGA,101010.00,,,,,0,00,99.99,,,,,,")
rmc = with_checksum("GPRMC,101010.00,V,,,,,,,010124,,,N")
places = [(repr(told.latitude), repr(told.longitude), told.is_valid) for told in map(pynmea2.parse, (gga, rmc))]
others = [(told.lat, told.lon) for told in (NMEAReader.parse(text + "\r\n") for text in (gga, rmc))]
altitude = pynmea2.parse(gga).altitude
print(places, altitude, others)
assert places == [("0.0", "0.0", False)] * 2 and altitude is None, (places, altitude)
assert others == [("", "")] * 2, others
PY
