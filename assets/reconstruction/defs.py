"""Reconstruction as assets: rigs, the IMU, whether they still are so, depth, sparse models, splats, paths, meshes."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
from pydantic import Field

from assets.batches import Event, make_each
from assets.materialize import picture, progress_to, result
from assets.partitions import sessions
from assets.run_config import read_config
from assets.tables.catalog import Catalog
from assets.workspace import Workspace


class RigConfig(dg.Config):
    """What the pictures show, and which lens to fit."""

    board: str = Field(
        "",
        description="Such as chessboard:9x6:25mm, charuco:8x5:40mm:30mm:4x4_50, aprilgrid:6x6:88mm:0.3; where nothing "
        "is said, the one that the session was calibrated with before.",
    )
    lens: str = Field(
        "",
        description="plumb_bob (where nothing is said), radtan, rational_polynomial, equidistant, double_sphere, eucm, "
        "none.",
    )


@dg.asset(
    key=["reconstruction", "rig_calibration"],
    partitions_def=sessions,
    group_name="reconstruction",
    deps=[["capture", "frames"]],
    kinds={"lance", "opencv"},
)
def rig_calibration(
    context: dg.AssetExecutionContext,
    config: RigConfig,
    catalog: dg.ResourceParam[Catalog],
) -> Iterator[Event]:
    """Intrinsics, places and standard errors of the cameras that show a board in this session."""
    from assets.reconstruction.rig_calibration import (
        calibrate_session,
        choose_plan,
    )

    chosen = read_config(context, config)

    def make(session: str) -> Iterator[dg.MaterializeResult]:
        plan = choose_plan(catalog, session, chosen.board, chosen.lens)
        progress = progress_to(context.log, f"boards of {session}")
        done = calibrate_session(catalog, session, plan, progress)
        key = ["reconstruction", "rig_calibration"]
        facts = {"made anew": done.is_new, **_describe(catalog, session)}
        yield result(catalog, "rig_calibrations", key, session, facts)

    yield from make_each(context, make)


def _describe(catalog: Catalog, session: str) -> dict[str, Any]:
    from assets.reconstruction.pictures import (
        draw_residuals,
        draw_views,
        list_parameters,
        list_worst,
    )
    from assets.reconstruction.rig_calibration import read_report

    report = read_report(catalog, session)
    drawn = {
        "residuals by place": draw_residuals(report.cameras, report.views),
        "residuals by view": draw_views(report.cameras, report.views),
    }
    return {
        "cameras": dg.MetadataValue.md(list_parameters(report.cameras)),
        "worst views": dg.MetadataValue.md(list_worst(report.views, report.paths)),
        **{name: picture(png) for name, png in drawn.items() if png is not None},
    }


@dg.asset(
    key=["reconstruction", "rig_fit"],
    partitions_def=sessions,
    group_name="reconstruction",
    deps=[["capture", "frames"], ["reconstruction", "rig_calibration"]],
    kinds={"lance"},
)
def rig_fit(
    context: dg.AssetExecutionContext, catalog: dg.ResourceParam[Catalog]
) -> Iterator[Event]:
    """How far cameras are turned against their newest calibration, by what they see together in this session."""
    from assets.reconstruction.rig_fits import fit_session

    def make(session: str) -> Iterator[dg.MaterializeResult]:
        rows = fit_session(catalog, session)
        moved = {
            r["sensor"]: r["reason"]
            or f"{r['tilt_deg']:.2f} ± {r['tilt_sigma_deg']:.2f} deg"
            for r in rows
        }
        key = ["reconstruction", "rig_fit"]
        yield result(
            catalog, "rig_fits", key, session, {"turned": dg.MetadataValue.json(moved)}
        )

    yield from make_each(context, make)


@dg.asset(
    key=["reconstruction", "depth"],
    partitions_def=sessions,
    group_name="reconstruction",
    deps=[
        ["capture", "frames"],
        ["capture", "calibrations"],
        ["reconstruction", "rig_calibration"],
    ],
    kinds={"lance", "opencv"},
)
def depth(
    context: dg.AssetExecutionContext,
    catalog: dg.ResourceParam[Catalog],
    workspace: dg.ResourceParam[Workspace],
) -> Iterator[Event]:
    """Depth of each pair of pictures that two calibrated cameras took at one time, with its confidence."""
    from assets.inference.stereo_net import open_stereo_net
    from assets.reconstruction.depth_maps import refresh_depth
    from assets.reconstruction.depth_pictures import (
        draw_depth,
        draw_epipolar_lines,
        list_depth,
    )

    net = open_stereo_net(workspace.stereo_net)

    def make(session: str) -> Iterator[dg.MaterializeResult]:
        progress = progress_to(context.log, f"depth of {session}")
        done = refresh_depth(catalog, session, progress, net)
        drawn = {
            "depth beside the image": draw_depth(catalog, session),
            "epipolar lines": draw_epipolar_lines(catalog, session),
        }
        facts = {
            "made anew": done.num_made,
            "cameras": dg.MetadataValue.md(list_depth(done.rows)),
            **{name: picture(jpeg) for name, jpeg in drawn.items() if jpeg is not None},
        }
        yield result(catalog, "depth_maps", ["reconstruction", "depth"], session, facts)

    yield from make_each(context, make)


@dg.asset(
    key=["reconstruction", "sparse_model"],
    partitions_def=sessions,
    group_name="reconstruction",
    deps=[
        ["capture", "frames"],
        ["capture", "calibrations"],
        ["capture", "signals"],
        ["reconstruction", "rig_calibration"],
        ["curation", "frame_embeddings"],
    ],
    kinds={"lance", "colmap"},
)
def sparse_model(
    context: dg.AssetExecutionContext, catalog: dg.ResourceParam[Catalog]
) -> Iterator[Event]:
    """Where each picture was taken, and points that they see: structure from motion over the session's pictures."""
    from assets.reconstruction.sparse_models import refresh_model, unpack_model
    from assets.reconstruction.sparse_views import draw_model, list_rungs

    def make(session: str) -> Iterator[dg.MaterializeResult]:
        progress = progress_to(context.log, f"sparse model of {session}")
        done = refresh_model(catalog, session, progress)
        key = ["reconstruction", "sparse_model"]
        facts: dict[str, Any] = {
            "made anew": done.is_new,
            "rungs": dg.MetadataValue.md(list_rungs(done.rungs)),
        }
        if done.model["model_sha256"]:
            model = unpack_model(catalog, done.model)
            facts["from three sides"] = picture(draw_model(model))
        yield result(catalog, "sparse_models", key, session, facts)

    yield from make_each(context, make)


class SplatConfig(dg.Config):
    """Where they are learned."""

    device: str = Field(
        "cuda", description="cuda, by gsplat; or cpu: a tiny one, at most 64 px wide."
    )


@dg.asset(
    key=["reconstruction", "splats"],
    partitions_def=sessions,
    group_name="reconstruction",
    deps=[["capture", "frames"], ["reconstruction", "sparse_model"]],
    kinds={"lance", "pytorch"},
)
def splats(
    context: dg.AssetExecutionContext,
    config: SplatConfig,
    catalog: dg.ResourceParam[Catalog],
) -> Iterator[Event]:
    """Gaussian splats of the sparse model, on a GPU, held against pictures that they did not learn from."""
    from assets.reconstruction.splat_pictures import draw_views, list_views
    from assets.reconstruction.splats import refresh_splats

    chosen = read_config(context, config)

    def make(session: str) -> Iterator[dg.MaterializeResult]:
        progress = progress_to(context.log, f"splats of {session}")
        done = refresh_splats(catalog, session, chosen.device, progress)
        drawn = draw_views(done.views)
        facts = {
            "made anew": done.is_new,
            "held out": dg.MetadataValue.md(list_views(done.splats, done.views)),
            **({"picture, drawn, difference times 4": picture(drawn)} if drawn else {}),
        }
        yield result(catalog, "splats", ["reconstruction", "splats"], session, facts)

    yield from make_each(context, make)


@dg.asset(
    key=["reconstruction", "odometry"],
    partitions_def=sessions,
    group_name="reconstruction",
    deps=[["capture", "frames"], ["capture", "calibrations"], ["capture", "signals"]],
    kinds={"lance"},
)
def odometry(
    context: dg.AssetExecutionContext, catalog: dg.ResourceParam[Catalog]
) -> Iterator[Event]:
    """Where each depth image was taken, by depth and brightness, with loops closed."""
    from assets.reconstruction.mesh_pictures import draw_path, list_path
    from assets.reconstruction.odometry import refresh_odometry

    def make(session: str) -> Iterator[dg.MaterializeResult]:
        progress = progress_to(context.log, f"path of {session}")
        done = refresh_odometry(catalog, session, progress)
        drawn = draw_path(done.rows)
        facts = {
            "made anew": done.num_made,
            "cameras": dg.MetadataValue.md(list_path(done.rows)),
            **({"path from above": picture(drawn)} if drawn else {}),
        }
        yield result(
            catalog, "odometry", ["reconstruction", "odometry"], session, facts
        )

    yield from make_each(context, make)


class MeshConfig(dg.Config):
    """How fine the surface is."""

    voxel_mm: float = Field(
        0.0,
        description="Side of a voxel in mm; 0: twice what a pixel covers at the middle depth.",
    )


@dg.asset(
    key=["reconstruction", "mesh"],
    partitions_def=sessions,
    group_name="reconstruction",
    deps=[["capture", "frames"], ["reconstruction", "odometry"]],
    kinds={"lance"},
)
def mesh(
    context: dg.AssetExecutionContext,
    config: MeshConfig,
    catalog: dg.ResourceParam[Catalog],
) -> Iterator[Event]:
    """The surface that depth images show together, as a mesh with colours for each part of the path."""
    from assets.reconstruction.mesh_pictures import draw_meshes, list_meshes
    from assets.reconstruction.meshes import refresh_meshes

    chosen = read_config(context, config)

    def make(session: str) -> Iterator[dg.MaterializeResult]:
        progress = progress_to(context.log, f"surface of {session}")
        voxel_m = chosen.voxel_mm / 1000 or None
        done = refresh_meshes(catalog, session, voxel_m, progress)
        drawn = draw_meshes(catalog, done.rows)
        facts = {
            "made anew": done.num_made,
            "meshes": dg.MetadataValue.md(list_meshes(done.rows)),
            **({"from three sides": picture(drawn)} if drawn else {}),
        }
        yield result(catalog, "meshes", ["reconstruction", "mesh"], session, facts)

    yield from make_each(context, make)


@dg.asset(
    key=["reconstruction", "imu_mount"],
    partitions_def=sessions,
    group_name="reconstruction",
    deps=[
        ["capture", "frames"],
        ["capture", "signals"],
        ["capture", "calibrations"],
        ["reconstruction", "rig_calibration"],
    ],
    kinds={"lance", "opencv"},
)
def imu_mount(
    context: dg.AssetExecutionContext, catalog: dg.ResourceParam[Catalog]
) -> Iterator[Event]:
    """How the IMU sits to each camera, and where down is in the frame of the poses, with standard errors."""
    from assets.reconstruction.imu_mounts import mount_session
    from assets.reconstruction.imu_pictures import draw_mounts, list_mounts

    def make(session: str) -> Iterator[dg.MaterializeResult]:
        progress = progress_to(context.log, f"IMU of {session}")
        done = mount_session(catalog, session, progress)
        drawn = draw_mounts(done.mounts)
        facts = {
            "made anew": done.num_made,
            "found": dg.MetadataValue.md(list_mounts(done.mounts, done.gravities)),
            **({} if drawn is None else {"axes": picture(drawn)}),
        }
        key = ["reconstruction", "imu_mount"]
        yield result(catalog, "gravities", key, session, facts)

    yield from make_each(context, make)


defs = dg.Definitions(
    assets=[
        *(rig_calibration, rig_fit, imu_mount, depth),
        *(sparse_model, splats, odometry, mesh),
    ]
)
