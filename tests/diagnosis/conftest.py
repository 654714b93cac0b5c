"""A fake NVIDIA driver library, and fake installed packages."""

import sys

import pytest

from srgan_gp.inference import cuda_driver

GIB = 2**30


class FakeDriver:
    """Replacement of libcuda: C functions that write through `ctypes.byref`."""

    def __init__(self, count=1, version=13010, free=60 * GIB, total=80 * GIB, status=0):
        self.count, self.version, self.status = count, version, status
        self.free, self.total = free, total
        self.contexts = 0

    def cuInit(self, flags):  # noqa: N802 - the names of this class are the driver's
        return self.status

    def cuDriverGetVersion(self, version):  # noqa: N802
        version._obj.value = self.version
        return 0

    def cuDeviceGetCount(self, count):  # noqa: N802
        count._obj.value = self.count
        return 0

    def cuDeviceGet(self, device, index):  # noqa: N802
        device._obj.value = 10 + index
        return 0 if index < self.count else 101

    def cuDeviceGetName(self, name, length, device):  # noqa: N802
        name.value = f"Fake GPU {device.value - 10}".encode()
        return 0

    def cuDeviceGetAttribute(self, value, attribute, device):  # noqa: N802
        value._obj.value = {75: 9, 76: 0}[attribute]
        return 0

    def cuDevicePrimaryCtxRetain(self, context, device):  # noqa: N802
        self.contexts += 1
        return 0

    def cuDevicePrimaryCtxRelease_v2(self, device):  # noqa: N802
        self.contexts -= 1
        return 0

    def cuCtxPushCurrent_v2(self, context):  # noqa: N802
        return 0

    def cuCtxPopCurrent_v2(self, context):  # noqa: N802
        return 0

    def cuMemGetInfo_v2(self, free, total):  # noqa: N802
        free._obj.value, total._obj.value = self.free, self.total
        return 0


@pytest.fixture
def fake_driver(monkeypatch):
    """Install a fake driver library; other libraries load as usual."""
    cuda_driver.find_driver.cache_clear()
    load = cuda_driver.ctypes.CDLL

    def install(**values):
        driver = FakeDriver(**values)

        def open_library(name, *rest, **options):
            return driver if "cuda.so.1" in str(name) else load(name, *rest, **options)

        monkeypatch.setattr(cuda_driver.ctypes, "CDLL", open_library)
        return driver

    yield install
    monkeypatch.undo()
    cuda_driver.find_driver.cache_clear()


@pytest.fixture
def install_package(tmp_path, monkeypatch):
    """Make a package look installed: put its `.dist-info` in front of the others."""

    def install(name, version):
        folder = tmp_path / "packages" / f"{name.replace('-', '_')}-{version}.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        monkeypatch.setattr(sys, "path", [str(folder.parent), *sys.path])

    return install
