//! A plan as a table.

use std::io::{self, Write};

use crate::plan::Plan;
use crate::vehicle::End;

impl Plan {
    /// Writes the samples as CSV, one line each under a line of column names:
    /// `t,x,y,theta,v,a,kappa,steer_a,steer_b,lead`, in the units of
    /// [`crate::Sample`], `lead` as `A` or `B`.
    pub fn write_csv(&self, mut out: impl Write) -> io::Result<()> {
        writeln!(out, "t,x,y,theta,v,a,kappa,steer_a,steer_b,lead")?;
        for s in &self.samples {
            let lead = match s.lead {
                End::A => 'A',
                End::B => 'B',
            };
            writeln!(
                out,
                "{:.6},{:.6},{:.6},{:.9},{:.6},{:.6},{:.9},{:.9},{:.9},{lead}",
                s.t, s.x, s.y, s.theta, s.v, s.a, s.kappa, s.steer_a, s.steer_b
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::{Driving, End, Grid, Planner, PlannerConfig, Pose2, Vehicle};

    #[test]
    fn columns_are_named_and_ends_are_letters() {
        let planner = Planner::new(Vehicle::shuttle(), PlannerConfig::default()).expect("valid");
        let grid = Grid {
            origin: [-50, -50],
            size: [100, 100],
            cell_mm: 200,
            log_odds: vec![-1; 10_000],
        };
        let stop = planner
            .stop(
                &grid,
                Pose2::new(1.0, 2.0, 0.5),
                Driving::straight(0.0, End::B),
            )
            .expect("a stop");
        let mut table = Vec::new();
        stop.plan.write_csv(&mut table).expect("written");
        assert_eq!(
            String::from_utf8(table).expect("text"),
            "t,x,y,theta,v,a,kappa,steer_a,steer_b,lead\n\
             0.000000,1.000000,2.000000,0.500000000,0.000000,0.000000,0.000000000,0.000000000,0.000000000,B\n"
        );
    }
}
