//! The last resort: to brake.

use janus_perception::Grid;

use crate::check::{Fault, Task, check};
use crate::driving::Driving;
use crate::error::PlanError;
use crate::plan::{Plan, Sample};
use crate::pose::{Pose2, wrap};
use crate::vehicle::Vehicle;
use crate::{Planner, grid_is_whole};

/// A stop, and what the checker made of it. A stop is there even where it is
/// not clear: nothing better is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Stop {
    /// Braking as hard as the vehicle may, with the wheels as they are.
    pub plan: Plan,
    /// What is wrong with it, if anything: mostly that it ends in an obstacle.
    pub fault: Option<Fault>,
}

impl Planner {
    /// Brakes to standstill with the wheels as they are. The speed may be more
    /// than the vehicle's greatest; a bend that is too sharp for it is widened.
    pub fn stop(&self, grid: &Grid, start: Pose2, driving: Driving) -> Result<Stop, PlanError> {
        let possible = (0.0..=1000.0).contains(&driving.speed);
        if !start.is_finite() || !driving.is_finite() || !possible {
            return Err(PlanError::NotFinite);
        }
        grid_is_whole(grid)?;
        let driving = driving.bent_within(&self.vehicle);
        let samples = brake(&self.vehicle, start, driving);
        let task = Task {
            start,
            driving,
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

/// The greatest distance between its samples, m.
const STEP: f64 = 0.05;
/// The most samples: it may begin faster than the vehicle can drive.
const MOST_STOP_SAMPLES: f64 = 20_000.0;

/// Brakes as hard as the vehicle may and at once, whatever the jerk, with the
/// wheels as they are.
fn brake(vehicle: &Vehicle, from: Pose2, driving: Driving) -> Vec<Sample> {
    let Driving {
        speed,
        lead,
        curvature,
    } = driving;
    let [steer_a, steer_b] = vehicle.steer(curvature, 0.0, lead);
    let distance = speed * speed / (2.0 * vehicle.max_decel);
    let count = (distance / STEP).ceil().min(MOST_STOP_SAMPLES);
    let step = if count > 0.0 { distance / count } else { 0.0 };
    let at = |i: usize| {
        let left = (1.0 - i as f64 / count.max(1.0)).max(0.0);
        let v = speed * left.sqrt();
        let way = step * i as f64;
        // Half of what the vehicle has turned by then: the chord's direction.
        let half = curvature * way / 2.0;
        let (sin, cos) = (from.theta + half).sin_cos();
        let chord = lead.sign() * way * if half == 0.0 { 1.0 } else { half.sin() / half };
        Sample {
            t: (speed - v) / vehicle.max_decel,
            x: from.x + chord * cos,
            y: from.y + chord * sin,
            theta: wrap(from.theta + 2.0 * half),
            v,
            a: if speed > 0.0 { -vehicle.max_decel } else { 0.0 },
            kappa: curvature,
            steer_a,
            steer_b,
            lead,
        }
    };
    (0..=count as usize).map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{End, FaultKind, PlannerConfig};

    fn ahead(speed: f64) -> Driving {
        Driving::straight(speed, End::A)
    }

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
                .stop(&grid(99.0), Pose2::default(), Driving::straight(3.0, lead))
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
                .stop(&grid(wall), Pose2::default(), ahead(3.0))
                .expect("a stop");
            assert_eq!(
                stop.fault.map(|f| f.kind),
                (!clear).then_some(FaultKind::Collision)
            );
            assert_eq!(stop.plan.min_clearance_m > 0.0, clear);
        }
        let out = planner().stop(&grid(99.0), Pose2::new(1e6, 0.0, 0.0), ahead(1.0));
        assert_eq!(
            out.expect("a stop").fault.map(|f| f.kind),
            Some(FaultKind::Outside)
        );
    }

    #[test]
    fn in_a_bend_it_brakes_along_the_bend() {
        // Within 9 m²/s² : 2·1.2 m/s² = 3.75 m it turns by three eighths of a
        // radian about a point 10 m to the side.
        for (lead, curvature) in [(End::A, 0.1), (End::B, 0.1), (End::A, -0.1)] {
            let driving = Driving {
                curvature,
                ..Driving::straight(3.0, lead)
            };
            let stop = planner().stop(&grid(99.0), Pose2::default(), driving);
            let stop = stop.expect("a stop");
            assert_eq!(stop.fault, None);
            let last = stop.plan.samples.last().expect("samples");
            assert!((last.theta - 3.75 * curvature).abs() < 1e-9, "{last:?}");
            let aside = lead.sign() * curvature.signum() * 10.0;
            let radius = last.x.hypot(last.y - aside);
            assert!((radius - 10.0).abs() < 1e-6, "{last:?}");
            assert_eq!(last.kappa, curvature);
        }
        // Sharper than the vehicle may at 4 m/s.
        let driving = Driving {
            curvature: 5.0,
            ..ahead(4.0)
        };
        let from = Pose2::new(-8.0, -4.0, 0.0);
        let wide = planner().stop(&grid(99.0), from, driving).expect("a stop");
        let most = planner().vehicle().max_lateral_accel / 16.0;
        assert!((wide.plan.samples[0].kappa - most).abs() < 1e-9);
        assert_eq!(wide.fault, None);
    }

    #[test]
    fn faster_than_the_vehicle_may_drive_it_still_stops() {
        let stop = planner().stop(&grid(99.0), Pose2::new(-8.0, 0.0, 0.0), ahead(5.5));
        assert_eq!(stop.expect("a stop").fault, None);
        for speed in [f64::NAN, -1.0, 1e9] {
            let stop = planner().stop(&grid(99.0), Pose2::default(), ahead(speed));
            assert_eq!(stop, Err(PlanError::NotFinite));
        }
        let fast = planner()
            .stop(&grid(99.0), Pose2::default(), ahead(1000.0))
            .expect("a stop");
        assert!(fast.plan.samples.len() < 30_000);
    }
}
