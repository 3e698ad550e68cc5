//! The twins, one after the other.

use janus_shaders::{cluster, distance, fuse, ground, occupancy, voxel};

use super::history::History;
use super::input::Input;
use super::{Output, Setup, timed};
use crate::cloud::Cloud;

#[derive(Debug)]
pub(super) struct Chain {
    history: History,
    /// Points of the last frames.
    fused: Vec<fuse::Fused>,
    cells: Vec<u32>,
    ground: ground::Twin,
    cluster: cluster::Twin,
    occupancy: occupancy::Twin,
    distance: distance::Twin,
    voxel: voxel::Twin,
}

impl Chain {
    pub(super) fn new(setup: &Setup) -> Self {
        Self {
            history: History::new(setup.accumulate, 0),
            fused: Vec::new(),
            cells: Vec::new(),
            ground: ground::Twin::default(),
            cluster: cluster::Twin::default(),
            occupancy: occupancy::Twin::new(setup.side),
            distance: distance::Twin::new(setup.side),
            voxel: voxel::Twin::new(setup.max_voxels),
        }
    }

    /// Goes on with the log-odds of a grid.
    pub(super) fn restore(&mut self, log_odds: &[i16]) {
        self.occupancy.restore(log_odds);
    }

    pub(super) fn forget(&mut self) {
        self.history.forget();
    }

    pub(super) fn run(&mut self, input: &Input<'_>) -> Output {
        let mut timings = Vec::with_capacity(8);
        let points = input.fuse.points as usize;
        let voxels = timed(&mut timings, "lidar.upload", || {
            if points > self.cells.len() {
                self.grow(points.next_power_of_two());
            }
            let first = self.history.push(input.fuse.points) as usize;
            (first, input.voxels(&self.history))
        });
        let (first, voxel_params) = voxels;
        let fused = &mut self.fused[first..first + points];
        let cells = &mut self.cells[..points];
        let counts = timed(&mut timings, "lidar.fuse", || {
            fuse::twin(
                &input.fuse,
                &input.sweeps,
                &input.poses,
                &input.points,
                fused,
                cells,
            )
        });
        let (fused, cells) = (&*fused, &*cells);
        timed(&mut timings, "lidar.ground", || {
            self.ground.run(&input.ground, fused, cells);
        });
        let heights = &self.ground.heights;
        let clusters = timed(&mut timings, "lidar.cluster", || {
            self.cluster.run(&input.cluster, fused, cells, heights)
        });
        let log_odds = timed(&mut timings, "lidar.occupancy", || {
            let scan = occupancy::Scan {
                mounts: &input.mounts,
                poses: &input.poses,
                fused,
                cells,
                heights,
                ground: &self.ground.ground,
            };
            self.occupancy.run(&input.occupancy, &scan)
        });
        let distances = timed(&mut timings, "lidar.distance", || {
            self.distance.run(log_odds)
        });
        let voxels = timed(&mut timings, "lidar.voxel", || {
            self.voxel.run(&voxel_params, &self.fused)
        });
        let output = timed(&mut timings, "lidar.readback", || Output {
            counts,
            log_odds: log_odds.to_vec(),
            distances: distances.to_vec(),
            cloud: Cloud {
                voxels: self.voxel.voxels().to_vec(),
                labels: self.cluster.labels.clone(),
                clusters: self.cluster.clusters.clone(),
            },
            voxels,
            clusters: clusters as u32,
            timings: Vec::new(),
        });
        Output { timings, ..output }
    }

    /// Makes room for so many points a frame.
    fn grow(&mut self, capacity: usize) {
        let moves = self.history.grow(capacity as u32);
        let before = std::mem::replace(&mut self.fused, vec![[0; 4]; self.history.room()]);
        for [from, to, n] in moves.into_iter().map(|part| part.map(|i| i as usize)) {
            self.fused[to..to + n].copy_from_slice(&before[from..from + n]);
        }
        self.cells.resize(capacity, 0);
    }
}
