"""What a package costs: its bytes, and processor time that follows the work in it."""

from assets.registry.cost import measure_costs


def test_a_package_is_asked_and_weighed(make_folder):
    folders = [make_folder("one"), make_folder("two")]
    first, second = measure_costs(folders)
    assert first.size_bytes == (folders[0] / "model.onnx").stat().st_size
    assert first.cpu_ms > 0 and second.cpu_ms > 0
