//! The last resort: to brake.

use janus_perception::Grid;

use crate::check::{Fault, Task, check};
use crate::error::PlanError;
use crate::plan::Plan;
use crate::pose::Pose2;
use crate::speed::brake;
use crate::vehicle::End;
use crate::{Planner, grid_is_whole};

/// A stop, and what the checker made of it. A stop is there even where it is
/// not clear: nothing better is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Stop {
    /// Braking as hard as the vehicle may, straight on.
    pub plan: Plan,
    /// What is wrong with it, if anything: mostly that it ends in an obstacle.
    pub fault: Option<Fault>,
}

impl Planner {
    /// Brakes to standstill along the present heading with straight wheels,
    /// from a speed in m/s with which the end `lead` leads. The speed may be
    /// more than the vehicle's greatest.
    pub fn stop(
        &self,
        grid: &Grid,
        start: Pose2,
        speed: f64,
        lead: End,
    ) -> Result<Stop, PlanError> {
        if !start.is_finite() || !(0.0..=1000.0).contains(&speed) {
            return Err(PlanError::NotFinite);
        }
        grid_is_whole(grid)?;
        let samples = brake(&self.vehicle, start, speed, lead);
        let task = Task {
            start,
            speed,
            goal: None,
        };
        let fault = check(&samples, &task, &self.vehicle, grid, &self.config).err();
        let obstacles = self.obstacles(grid);
        Ok(Stop {
            plan: self.measured(samples, &obstacles),
            fault,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FaultKind, PlannerConfig, Vehicle};

    fn planner() -> Planner {
        Planner::new(Vehicle::shuttle(), PlannerConfig::default()).expect("valid")
    }

    /// 20 m by 20 m about the origin, with a wall from x = `wall`, m.
    fn grid(wall: f64) -> Grid {
        let x = |i: i32| f64::from(i % 100 - 50) * 0.2;
        Grid {
            origin: [-50, -50],
            size: [100, 100],
            cell_mm: 200,
            log_odds: (0..10_000)
                .map(|i| if x(i) >= wall - 1e-9 { 900 } else { -900 })
                .collect(),
        }
    }

    #[test]
    fn either_end_brakes_in_the_distance_that_physics_says() {
        for (lead, sign) in [(End::A, 1.0), (End::B, -1.0)] {
            let stop = planner()
                .stop(&grid(99.0), Pose2::default(), 3.0, lead)
                .expect("a stop");
            assert_eq!(stop.fault, None);
            let last = stop.plan.samples.last().expect("samples");
            assert!((last.x - sign * 9.0 / 2.4).abs() < 1e-9, "{}", last.x);
            assert!((stop.plan.duration_s - 3.0 / 1.2).abs() < 1e-9);
            assert_eq!((last.v, last.a), (0.0, -1.2));
        }
    }

    #[test]
    fn a_stop_that_is_not_clear_says_so() {
        // Braking from 3 m/s brings end A to 1.8 + 3.75 m.
        for (wall, clear) in [(5.6, true), (5.4, false)] {
            let stop = planner()
                .stop(&grid(wall), Pose2::default(), 3.0, End::A)
                .expect("a stop");
            assert_eq!(
                stop.fault.map(|f| f.kind),
                (!clear).then_some(FaultKind::Collision)
            );
            assert_eq!(stop.plan.min_clearance_m > 0.0, clear);
        }
        let out = planner().stop(&grid(99.0), Pose2::new(1e6, 0.0, 0.0), 1.0, End::A);
        assert_eq!(
            out.expect("a stop").fault.map(|f| f.kind),
            Some(FaultKind::Outside)
        );
    }

    #[test]
    fn faster_than_the_vehicle_may_drive_it_still_stops() {
        let stop = planner().stop(&grid(99.0), Pose2::new(-8.0, 0.0, 0.0), 5.5, End::A);
        assert_eq!(stop.expect("a stop").fault, None);
        for speed in [f64::NAN, -1.0, 1e9] {
            let stop = planner().stop(&grid(99.0), Pose2::default(), speed, End::A);
            assert_eq!(stop, Err(PlanError::NotFinite));
        }
        let fast = planner()
            .stop(&grid(99.0), Pose2::default(), 1000.0, End::A)
            .expect("a stop");
        assert!(fast.plan.samples.len() < 30_000);
    }
}
