//! The twins, one after the other.

use janus_shaders::{fuse, occupancy};

use super::{Input, Output, timed};

#[derive(Debug)]
pub(super) struct Chain {
    points: Vec<fuse::Point>,
    fused: Vec<fuse::Fused>,
    occupancy: occupancy::Twin,
}

impl Chain {
    pub(super) fn new(side: u32) -> Self {
        Self {
            points: Vec::new(),
            fused: Vec::new(),
            occupancy: occupancy::Twin::new(side),
        }
    }

    pub(super) fn run(&mut self, input: &Input<'_>) -> Output {
        let mut timings = Vec::with_capacity(4);
        timed(&mut timings, "lidar.upload", || {
            self.points.clear();
            for points in &input.points {
                self.points.extend_from_slice(points);
            }
            self.fused.resize(self.points.len(), [0; 4]);
        });
        let counts = timed(&mut timings, "lidar.fuse", || {
            fuse::twin(&input.fuse, &input.sweeps, &self.points, &mut self.fused)
        });
        timed(&mut timings, "lidar.occupancy", || {
            self.occupancy
                .run(&input.occupancy, &input.sensors, &self.fused);
        });
        let slots = timed(&mut timings, "lidar.readback", || {
            self.occupancy.cells.clone()
        });
        Output {
            counts,
            slots,
            timings,
        }
    }
}
