"""Energy and utilisation as devices count them: sums, counters that start anew, and what is not told."""

from __future__ import annotations

import socket
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from models.training.meter import Meter
from models.training.power import Power, find_gpu, find_packages, sum_joules
from models.training.workers import Alone

UUID = "GPU-0"


def _zone(powercap, number, name, energy_uj, range_uj=1000_000_000):
    folder = powercap / f"intel-rapl:{number}"
    folder.mkdir(parents=True, exist_ok=True)
    for file, value in (
        ("name", name),
        ("energy_uj", energy_uj),
        ("max_energy_range_uj", range_uj),
    ):
        (folder / file).write_text(f"{value}\n")
    return folder


class _Driver:
    """NVML's numbers: a total of mJ, and the utilisation of each look in percent."""

    class NVMLError(Exception):
        pass

    def __init__(self, total_mj, *percents):
        self.total_mj = total_mj
        self.percents = list(percents)

    def nvmlDeviceGetHandleByUUID(self, uuid):
        return uuid

    def nvmlDeviceGetTotalEnergyConsumption(self, handle):
        if self.total_mj is None:
            raise self.NVMLError("not supported")
        return self.total_mj

    def nvmlDeviceGetUtilizationRates(self, handle):
        if not self.percents:
            raise self.NVMLError("not supported")
        return SimpleNamespace(gpu=self.percents.pop(0))


def test_packages_are_counted_and_their_parts_are_not(tmp_path):
    _zone(tmp_path, "0", "package-0", 5_000_000)
    _zone(tmp_path, "0:0", "core", 1_000_000)
    _zone(tmp_path, "1", "package-1", 7_000_000)
    _zone(tmp_path, "2", "psys", 20_000_000)  # holds both packages
    power = Power(find_packages(tmp_path))
    _zone(tmp_path, "0", "package-0", 8_000_000)
    _zone(tmp_path, "1", "package-1", 7_500_000)
    power.look(0.0)
    host = socket.gethostname()
    assert power.joules() == {f"{host} intel-rapl:0": 3.0, f"{host} intel-rapl:1": 0.5}
    assert sum_joules([power.joules()]) == 3.5


def test_a_counter_that_starts_anew_goes_on(tmp_path):
    _zone(tmp_path, "0", "package-0", 990_000_000)
    power = Power(find_packages(tmp_path))
    # from 990 J: 10 to the end and 4; 2; 994 to the end and 1
    for energy_uj in (4_000_000, 6_000_000, 1_000_000):
        _zone(tmp_path, "0", "package-0", energy_uj)
        power.look(0.0)
    assert sum_joules([power.joules()]) == pytest.approx(10 + 4 + 2 + 994 + 1)


def test_workers_of_one_machine_count_its_packages_once():
    assert (
        sum_joules([{"a 0": 3.0, "a 1": 1.0}, {"a 0": 4.0, "a 1": 1.0}, {"b 0": 2.0}])
        == 4.0 + 1.0 + 2.0
    )


@pytest.mark.parametrize(
    "by_worker", [[{}], [{"a 0": 3.0}, {}], [{"a 0": 3.0}, {"a 0": None}]]
)
def test_energy_is_not_told_where_a_device_does_not_tell(by_worker):
    assert sum_joules(by_worker) is None


@pytest.mark.parametrize("content", [None, "", "many"])
def test_a_counter_that_fails_once_tells_nothing_from_then_on(tmp_path, content):
    zone = _zone(tmp_path, "0", "package-0", 1_000_000)
    power = Power(find_packages(tmp_path))
    (zone / "energy_uj").unlink() if content is None else (
        zone / "energy_uj"
    ).write_text(content)
    power.look(0.0)
    _zone(tmp_path, "0", "package-0", 9_000_000)
    power.look(0.0)
    assert sum_joules([power.joules()]) is None


def test_a_machine_without_counters_has_no_devices(tmp_path):
    assert find_packages(tmp_path / "none") == []
    (_zone(tmp_path, "0", "package-0", 1) / "max_energy_range_uj").unlink()
    assert find_packages(tmp_path) == []


def test_a_gpu_tells_energy_in_millijoules_and_the_mean_of_its_utilisation():
    driver = _Driver(2_000_000, 50, 100, 30)
    power = Power([find_gpu(driver, UUID)])
    for driver.total_mj in (2_500_000, 5_600_000):
        power.look(0.0)
    assert power.joules() == {UUID: 3600.0} and power.shares() == [0.75]
    power.start_epoch()
    assert power.shares() == [None]
    power.look(0.0)
    assert power.joules() == {UUID: 3600.0} and power.shares() == [0.3]


def test_energy_is_lost_where_the_driver_was_loaded_anew_and_utilisation_is_not():
    driver = _Driver(9_000, 40)
    power = Power([find_gpu(driver, UUID)])
    driver.total_mj = 100
    power.look(0.0)
    assert power.joules() == {UUID: None} and power.shares() == [0.4]


def test_a_gpu_without_a_counter_of_energy_still_tells_utilisation():
    power = Power([find_gpu(_Driver(None, 20), UUID)])
    power.look(0.0)
    assert power.joules() == {UUID: None} and power.shares() == [0.2]


def test_one_look_that_fails_leaves_the_epoch_without_utilisation():
    power = Power([find_gpu(_Driver(0, 20), UUID)])
    power.look(0.0)
    power.look(0.0)
    assert power.joules() == {UUID: 0.0} and power.shares() == [None]


def test_looks_are_a_second_apart_unless_they_are_asked_for():
    power = Power([find_gpu(_Driver(0, 20, 40, 60), UUID)])
    power.look()
    assert power.shares() == [None]
    power.look(0.0)
    power.look()
    assert power.shares() == [0.2]


def _measure(monkeypatch, devices, spent=None):
    monkeypatch.setattr("models.training.meter.find_devices", lambda device: devices)
    meter = Meter(nn.Linear(1, 1), "fp32", spent)
    meter.count(torch.zeros(2, 3, 8, 8))
    return meter.measure(Alone())


def test_an_epoch_tells_energy_of_the_training_so_far_in_watt_hours(monkeypatch):
    driver = _Driver(0, 80)
    gpu = find_gpu(driver, UUID)
    driver.total_mj = 7_200_000  # 2 Wh
    row = _measure(
        monkeypatch, [gpu], {"seconds": 10.0, "device_hours": 0.5, "energy_wh": 3.0}
    )
    assert (
        row["energy_wh"] == 3.0 + 2.0
        and row["gpu_utilisation"] == 0.8
        and row["device_hours"] > 0.5
    )


def test_energy_that_was_not_told_before_stays_untold(monkeypatch):
    row = _measure(
        monkeypatch,
        [find_gpu(_Driver(0, 80), UUID)],
        {"seconds": 10.0, "device_hours": 0.5},
    )
    assert "energy_wh" not in row and row["gpu_utilisation"] == 0.8


def test_without_devices_neither_is_a_number(monkeypatch):
    assert not {"energy_wh", "gpu_utilisation"} & _measure(monkeypatch, []).keys()
