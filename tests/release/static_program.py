"""Programs in a root file system that holds nothing else than they should need."""
import shutil
import subprocess

EMULATORS = {"amd64": None, "arm64": "/usr/bin/qemu-aarch64-static"}


def headers(path):
    return subprocess.run(["readelf", "-W", "-h", "-l", "-d", path], capture_output=True, text=True, check=True).stdout


def assert_static(path):
    read = headers(path)
    assert "INTERP" not in read and "(NEEDED)" not in read, f"{path} needs files at run time"


class Root:
    """`arch`: whose the programs are; another's than the machine's are run by an emulator, which is put beside them."""

    def __init__(self, folder, arch="amd64"):
        self.folder = folder
        self.before = []
        if EMULATORS[arch]:
            shutil.copy(EMULATORS[arch], folder / "emulator")
            self.before = ["/emulator"]

    def run(self, program, *arguments):
        return subprocess.run(["/usr/sbin/chroot", self.folder, *self.before, program, *arguments], capture_output=True, text=True, check=False,
                              timeout=120, env={})


class EmptyRoot(Root):
    def __init__(self, folder, program, arch="amd64"):
        super().__init__(folder, arch)
        shutil.copy(program, folder / "pdctl")

    def pdctl(self, *arguments):
        return self.run("/pdctl", *arguments)


def assert_works(root, version):
    """It does what it names, and names no command that it lacks."""
    assert root.pdctl("--version").stdout == f"{version}\n"
    told = root.pdctl("--help")
    assert told.returncode == 0 and "runs on any Linux" in told.stdout
    commands = told.stdout.partition("Subcommands:\n")[2].partition("\n\n")[0].splitlines()
    names = [line.split()[0] for line in commands if line.startswith("  ") and not line.startswith("   ")]
    assert {"gen", "merge", "validate", "render", "inject", "completion"} <= set(names) and "status" not in names
    for name in names:
        asked = root.pdctl(name, "--help")
        assert asked.returncode == 0 and f"pdctl {name}" in asked.stdout, asked.stderr
    refused = root.pdctl("status", "qwen")
    assert refused.returncode == 2 and "image has the command status" in refused.stderr
    # Without a driver: the addresses are in a file, as on a host.
    (root.folder / "hccn.conf").write_text("".join(f"address_{npu}=29.81.18.10{npu}\nnetmask_{npu}=255.255.0.0\n" for npu in range(4)))
    made = root.pdctl("gen", "--ip", "10.0.0.18", "--prefill-server-list", "0,1", "--decode-server-list", "2,3", "--api-server",
                      "--hccn-conf", "/hccn.conf", "--save-dir", "/tables")
    assert made.returncode == 0, made.stderr
    judged = root.pdctl("validate", "/tables/global_ranktable_10.0.0.18.json", "/tables/local_ranktable_10.0.0.18_01.json")
    assert judged.returncode == 0, judged.stdout + judged.stderr
