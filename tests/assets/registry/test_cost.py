"""What a package costs: its bytes, and processor time that follows the work in it."""

from assets.registry.cost import measure_costs


def test_a_package_is_asked_and_weighed(make_folder):
    files = [make_folder(name) / "model.onnx" for name in ("one", "two")]
    first, second = measure_costs(files)
    assert first.size_bytes == files[0].stat().st_size
    assert first.cpu_ms > 0 and second.cpu_ms > 0
