"""Reconstruction: geometry from pictures. Rigs from pictures of a board, depth, sparse models, splats, surfaces."""

from assets.stages import Maker, Stage
from assets.tables.schemas import reconstruction

STAGE = Stage(
    name="reconstruction",
    after=reconstruction.AFTER,
    tables=reconstruction.TABLES,
    assets="assets.reconstruction.defs",
    gates="checks.reconstruction",
    makers=(
        Maker(
            "rig_calibrations",
            "rig_calibrations",
            (
                "assets.reconstruction.board_pictures:list_pictures",
                "assets.reconstruction.rig_rows:make_rows",
            ),
        ),
        Maker(
            "depth_maps",
            "depth_maps",
            (
                "assets.reconstruction.stereo_pairs:find_pairs",
                "assets.reconstruction.depth_rows:make_row",
            ),
        ),
        Maker(
            "sparse_models",
            "sparse_models",
            (
                "assets.reconstruction.sparse_pictures:find_scene",
                "assets.reconstruction.sparse_models:reconstruct",
                "assets.reconstruction.sparse_child:serve",
                "assets.reconstruction.sparse_package:pack",
            ),
        ),
        Maker(
            "splats",
            "splats",
            (
                "assets.reconstruction.splat_scene:find_scene",
                "assets.reconstruction.splats:make_rows",
            ),
        ),
        Maker(
            "odometry",
            "odometry",
            (
                "assets.reconstruction.rgbd_streams:find_streams",
                "assets.reconstruction.odometry:measure_stream",
            ),
        ),
        Maker("meshes", "meshes", ("assets.reconstruction.meshes:make_row",)),
        Maker(
            "imu_mounts",
            "imu_mounts",
            ("assets.reconstruction.imu_rows:make_mounts",),
        ),
        Maker(
            "gravities",
            "gravities",
            (
                "assets.reconstruction.imu_rows:make_gravity",
                "assets.reconstruction.imu_rows:read_body",
            ),
        ),
    ),
)
