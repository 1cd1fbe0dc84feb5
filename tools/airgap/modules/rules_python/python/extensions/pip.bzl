"""The extension that turns hashed locks into wheels: `pip.parse`, `pip.default` and the unified hub `pypi`."""

load("//python/private:hub.bzl", "hub_repository", "unified_hub_repository")
load("//python/private:wheel.bzl", "wheel_repository")

def _read_locks(module_ctx, locks):
    """The requirements of each lock, with the markers decided for this machine: {hub: [{name, version, extras, line}]}."""
    python = module_ctx.getenv("LAXAI_AIRGAP_PYTHON")
    pip = module_ctx.getenv("LAXAI_AIRGAP_PIP")
    if not python or not pip:
        fail("LAXAI_AIRGAP_PYTHON and LAXAI_AIRGAP_PIP are not set: --config=airgap works through ./bazelw, which provides them")
    arguments = [python + "/bin/python3.11", "-s", "-B", module_ctx.path(Label("//python/private:read_locks.py"))]
    for hub, lock in locks.items():
        module_ctx.watch(lock)
        arguments.append("{}={}".format(hub, module_ctx.path(lock)))
    result = module_ctx.execute(arguments, environment = {"PYTHONPATH": pip})
    if result.return_code:
        fail("pip.parse: {}".format(result.stderr.strip()))
    return json.decode(result.stdout)

def _wheel_repository_name(requirement):
    """Two locks that pin the same files share one repository."""
    return "wheel_{}_{}".format(requirement["name"], requirement["key"])

def _pip_impl(module_ctx):
    locks = {}
    default_hub = ""
    for module in module_ctx.modules:
        for tag in module.tags.parse:
            if tag.hub_name in locks:
                fail("pip.parse: the hub {} is declared twice".format(tag.hub_name))
            if tag.python_version not in ("", "3.11"):
                fail("pip.parse({}): the airgap way of building has CPython 3.11 only".format(tag.hub_name))
            locks[tag.hub_name] = tag.requirements_lock
        for tag in module.tags.default:
            default_hub = tag.default_hub or default_hub
    if default_hub and default_hub not in locks:
        fail("pip.default: there is no hub {}; there are {}".format(default_hub, ", ".join(locks)))

    requirements = _read_locks(module_ctx, locks)
    wheels = {}
    hubs_of_package = {}
    for hub in sorted(requirements):
        packages = {}
        for requirement in requirements[hub]:
            wheel = _wheel_repository_name(requirement)
            wheels[wheel] = requirement["line"]
            packages[requirement["name"]] = wheel
            hubs_of_package.setdefault(requirement["name"], []).append(hub)
        hub_repository(
            name = hub,
            extras = {r["name"]: r["extras"] for r in requirements[hub]},
            wheels = packages,
        )
    for wheel, line in wheels.items():
        wheel_repository(name = wheel, requirement = line)
    unified_hub_repository(
        name = "pypi",
        default_hub = default_hub,
        hubs = sorted(locks),
        packages = hubs_of_package,
    )

_parse = tag_class(attrs = {
    # Not used: in the airgap way, which index is asked is for the machine's own pip configuration to say.
    "experimental_index_url_overrides": attr.string_dict(),
    "hub_name": attr.string(mandatory = True),
    "python_version": attr.string(),
    "requirements_lock": attr.label(mandatory = True),
})

pip = module_extension(
    implementation = _pip_impl,
    tag_classes = {
        "default": tag_class(attrs = {"default_hub": attr.string()}),
        "parse": _parse,
    },
)
