"""The verb that calibrates the cameras of a session, or of a folder of pictures, by a board; and the IMU by motion."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestration.cli.chosen import is_place
from orchestration.cli.output import Json, join_lines, say
from orchestration.cli.progress import show_progress
from orchestration.cli.verdict_text import describe_verdicts, tell_failures

if TYPE_CHECKING:
    from assets.tables.catalog import Catalog
    from checks.verdicts import Verdict
    from orchestration.profiles import Settings

_MOST_TOLD = 5
_NOWHERE = "unkept"  # stands for the session of rows that no table holds


def calibrate(
    target: Annotated[
        str,
        typer.Argument(
            metavar="SESSION|PATH",
            help="A session, whose calibration is kept; or a folder or s3:// prefix of pictures, of which nothing is.",
        ),
    ],
    board: Annotated[
        str,
        typer.Option(
            metavar="BOARD",
            help="chessboard:9x6:25mm (inner corners), charuco:8x5:40mm:30mm:4x4_50 (squares, their side, that of the "
            "markers, dictionary), aprilgrid:6x6:88mm:0.3 (tags, their side, gap by side). Without it, the one before.",
        ),
    ] = "",
    lens: Annotated[
        str,
        typer.Option(
            metavar="LENS",
            help="plumb_bob, which is the default, radtan (what Kalibr has), rational_polynomial, equidistant, "
            "double_sphere, eucm or none.",
        ),
    ] = "",
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Of any SESSION, no board needed: do its cameras still sit as they were calibrated last?",
        ),
    ] = False,
    imu: Annotated[
        bool,
        typer.Option(
            "--imu",
            help="Of any SESSION, no board needed: how does the IMU sit to its cameras, and where is down?",
        ),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Calibrate a SESSION, and keep nothing of it."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Calibrate cameras and their places on the rig from pictures of a board, with standard errors.

    With --imu the rotation between cameras and IMU, and gravity in the frame of the poses, from motion alone. Exits 1
    where a blocking check refuses the calibration, or with --check the rig has moved. The first camera, by name, is
    the rig. Where the board has no lengths all are in squares.
    """
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog

    settings = load_settings()
    catalog = build_catalog(settings)
    is_folder = is_place(target, catalog)
    if check and (is_folder or board or lens or dry_run):
        raise ValueError(
            "--check takes a SESSION alone: what it was calibrated with stands in its rows"
        )
    if imu and (is_folder or board or lens or check):
        raise ValueError(
            "--imu takes a SESSION, and --dry-run beside it: frames, poses and IMU say the rest"
        )
    if check:
        return _check(settings, catalog, target, as_json)
    if imu:
        return _mount_imu(settings, catalog, target, dry_run, as_json)
    if is_folder:
        return _calibrate_folder(catalog, target, board, lens, as_json)
    if dry_run:
        return _try_session(catalog, target, board, lens, as_json)
    _calibrate_session(settings, catalog, target, board, lens, as_json)


def _calibrate_session(
    settings: "Settings",
    catalog: "Catalog",
    session: str,
    board: str,
    lens: str,
    as_json: bool,
) -> None:
    from assets.reconstruction.rig_calibration import calibrate_session, choose_plan
    from orchestration.observed import judge_made

    plan = choose_plan(catalog, session, board, lens)
    with show_progress(f"looking for the board in {session}", "pictures") as tick:
        done = calibrate_session(catalog, session, plan, tick)
    asset = ("reconstruction", "rig_calibration")
    told = {"made anew": done.is_new, "cameras": len(done.cameras)}
    verdicts = judge_made(settings, catalog, asset, session, told)
    _tell(session, done.cameras, verdicts, [], as_json)


def _calibrate_folder(
    catalog: "Catalog", target: str, board: str, lens: str, as_json: bool
) -> None:
    from assets.inference.loose_images import list_images
    from assets.reconstruction.board_pictures import find_boards_of_folder
    from assets.reconstruction.rig_calibration import DEFAULT_MODEL, read_plan
    from assets.reconstruction.rig_rows import make_rows
    from assets.storage import Folder

    if not board:
        raise ValueError(
            "a folder does not say which board it shows: give --board, such as chessboard:9x6:25mm"
        )
    if "://" not in target and not Path(target).exists():
        raise ValueError(f"there is nothing at {target}: name a folder of pictures")
    plan = read_plan(board, lens or DEFAULT_MODEL)
    folder = Folder(target)
    with show_progress(f"looking for the board in {target}", "pictures") as tick:
        seen, refused = find_boards_of_folder(
            folder, list_images(folder), plan.board, tick
        )
    notes = [f"{r.path}: {r.reason}" for r in refused]
    _tell_unkept(catalog, target, make_rows(plan, seen).cameras, notes, as_json)


def _try_session(
    catalog: "Catalog", session: str, board: str, lens: str, as_json: bool
) -> None:
    from assets.reconstruction.board_pictures import find_boards
    from assets.reconstruction.rig_calibration import choose_plan, require_pictures
    from assets.reconstruction.rig_rows import make_rows

    plan = choose_plan(catalog, session, board, lens)
    pictures = require_pictures(catalog, session)
    with show_progress(f"looking for the board in {session}", "pictures") as tick:
        seen = find_boards(catalog, plan.board, pictures, tick)
    _tell_unkept(catalog, session, make_rows(plan, seen).cameras, [], as_json)


def _tell_unkept(
    catalog: "Catalog",
    name: str,
    rows: list[dict[str, Any]],
    refused: list[str],
    as_json: bool,
) -> None:
    """Judge by the same rules rows that no table holds."""
    from assets.tables.schemas import content_id
    from checks.gates import judge_tried

    nowhere = {
        "session": _NOWHERE,
        "input_sha256": "0" * 64,
        "code_version": "",
        "made_ns": 0,
    }
    cameras = [
        {"calibration_id": content_id(name, row["sensor"]), **nowhere, **row}
        for row in rows
    ]
    verdicts = judge_tried(catalog, _NOWHERE, {"rig_calibrations": cameras})
    _tell(name, rows, verdicts, refused, as_json)


def _check(
    settings: "Settings", catalog: "Catalog", session: str, as_json: bool
) -> None:
    from assets.reconstruction.rig_calibration import require_pictures
    from assets.reconstruction.rig_fits import fit_session
    from checks.verdicts import stops_flow
    from orchestration.observed import judge_made

    require_pictures(catalog, session)
    rows = fit_session(catalog, session)
    asset = ("reconstruction", "rig_fit")
    verdicts = judge_made(settings, catalog, asset, session, {"cameras": len(rows)})
    lines = [
        f"{r['sensor']}: "
        + (
            r["reason"]
            or f"turned by {r['tilt_deg']:.2f} +- {r['tilt_sigma_deg']:.2f} deg"
        )
        for r in rows
    ]
    lines += [f"FAILED {v.name}: {v.summary}" for v in verdicts if not v.passed]
    lines += [
        example for v in verdicts if not v.passed for example in v.examples[:_MOST_TOLD]
    ]
    facts = {
        "session": session,
        "cameras": rows,
        "checks": describe_verdicts(verdicts),
    }
    say(as_json, facts, join_lines(lines))
    raise typer.Exit(int(stops_flow(verdicts)))


def _mount_imu(
    settings: "Settings",
    catalog: "Catalog",
    session: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    from assets.reconstruction.imu_mounts import mount_session, try_mounts
    from assets.reconstruction.imu_pictures import tell_gravity, tell_mount
    from checks.gates import judge_tried
    from checks.verdicts import stops_flow
    from orchestration.observed import judge_made

    if dry_run:
        done = try_mounts(catalog, session)
        rows = {"imu_mounts": done.mounts, "gravities": done.gravities}
        verdicts = judge_tried(catalog, session, rows)
    else:
        with show_progress(f"following the IMU of {session}", "captures") as tick:
            done = mount_session(catalog, session, tick)
        asset = ("reconstruction", "imu_mount")
        facts = {"made anew": done.num_made, "cameras": len(done.mounts)}
        verdicts = judge_made(settings, catalog, asset, session, facts)
    lines = [f"{row['sensor']}: {tell_mount(row)}" for row in done.mounts]
    lines += [f"gravity: {tell_gravity(row)}" for row in done.gravities]
    lines += tell_failures(verdicts)
    told = {
        "session": session,
        "kept": not dry_run,
        "mounts": done.mounts,
        "gravities": done.gravities,
        "checks": describe_verdicts(verdicts),
    }
    say(as_json, told, join_lines(lines))
    raise typer.Exit(int(stops_flow(verdicts)))


def _tell(
    name: str,
    cameras: list[dict[str, Any]],
    verdicts: "list[Verdict]",
    refused: list[str],
    as_json: bool,
) -> None:
    from checks.verdicts import stops_flow

    lines = [
        line
        for row in sorted(cameras, key=lambda r: r["sensor"])
        for line in _tell_camera(row)
    ]
    lines += tell_failures(verdicts)
    lines += [f"not read: {text}" for text in refused[:_MOST_TOLD]]
    facts = {
        "target": name,
        "cameras": cameras,
        "checks": describe_verdicts(verdicts),
        "refused": refused,
    }
    say(as_json, facts, join_lines(lines))
    raise typer.Exit(int(stops_flow(verdicts)))


def _tell_camera(row: dict[str, Any]) -> list[str]:
    found = f"{row['sensor']}: the board in {row['num_found']} of {row['num_pictures']} pictures"
    if row["reason"]:
        return [f"{found}; not calibrated: {row['reason']}"]
    sigmas = row["parameter_sigmas"]
    error = "" if sigmas is None else f" +- {sigmas[0]:.2f}"
    lines = [
        f"{found}, {row['rms_px']:.3f} px left, {row['rms_alone_px']:.3f} alone, over {100 * row['coverage']:.0f} % of "
        "the image",
        f"  fx {row['fx_px']:.2f}{error}, fy {row['fy_px']:.2f}, centre {row['cx_px']:.2f} {row['cy_px']:.2f}, "
        f"{row['distortion_model']} {' '.join(f'{v:.5g}' for v in row['distortion'])}",
    ]
    if row["sensor"] != row["reference_sensor"]:
        x, y, z = row["rig_from_camera"][:3]
        unit = "m" if row["length_unit"] == "m" else "squares"
        length = (x * x + y * y + z * z) ** 0.5
        lines.append(
            f"  {length:.5g} {unit} from {row['reference_sensor']}, at {x:.5g} {y:.5g} {z:.5g}"
        )
    return lines
