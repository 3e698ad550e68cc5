//! How high the ground is around the vehicle, in wide cells: enough to tell
//! where a line of sight meets it.

use super::square::Square;

/// Side of a cell, m.
pub(super) const CELL_M: f64 = 2.0;
/// So many cells away, what is there tells the ground of a cell without any.
const AROUND: isize = 3;
/// A line of sight is followed as far as this, m,
const FAR_M: f64 = 90.0;
/// in steps of, m.
const STEP_M: f64 = 0.5;

/// Mean heights of the returns from the ground.
#[derive(Clone, Debug)]
pub(super) struct Ground {
    square: Square,
    /// The ground under the vehicle: its height and how it rises along x and
    /// y.
    plane: Plane,
    /// Sum of heights, and how many.
    cells: Vec<(f64, u32)>,
    returns: u32,
}

/// A plane through the ground under the vehicle.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plane {
    /// The vehicle in odom, m.
    pub(super) at: [f64; 3],
    /// Rise along x and y.
    pub(super) rise: [f64; 2],
}

impl Plane {
    /// The plane that the vehicle stands on.
    pub(super) fn under(pose: &janus_datasets::Pose) -> Self {
        let up = pose.rotation * nalgebra::Vector3::z();
        let at = pose.translation.vector;
        Self {
            at: at.into(),
            rise: [up.x, up.y].map(|c| -c / up.z.max(0.5)),
        }
    }

    fn height(&self, [x, y]: [f64; 2]) -> f64 {
        let [u, v] = [x - self.at[0], y - self.at[1]];
        self.at[2] + u * self.rise[0] + v * self.rise[1]
    }
}

impl Ground {
    /// Nothing but the plane that the vehicle stands on.
    pub(super) fn new(plane: Plane, square: Square) -> Self {
        Self {
            square,
            plane,
            cells: vec![(0.0, 0); square.cells()],
            returns: 0,
        }
    }

    /// Takes in a return from the ground, m.
    pub(super) fn add(&mut self, [x, y, z]: [f64; 3]) {
        self.returns += 1;
        if let Some(cell) = self.square.index(self.square.cell([x, y])) {
            self.cells[cell].0 += z;
            self.cells[cell].1 += 1;
        }
    }

    /// How many returns it is made of.
    pub(super) fn returns(&self) -> u32 {
        self.returns
    }

    /// Whether there are returns from the ground about a place in odom, m.
    pub(super) fn is_seen(&self, place: [f64; 2]) -> bool {
        let [column, row] = self.square.cell(place);
        let mut about = (-1..=1).flat_map(|i| (-1..=1).map(move |k| [column + i, row + k]));
        about.any(|cell| self.square.index(cell).is_some_and(|i| self.cells[i].1 > 0))
    }

    /// The height at a place in odom, m: the mean of the nearest cells that
    /// have one, else that of the plane under the vehicle.
    pub(super) fn height(&self, place: [f64; 2]) -> f64 {
        let mean = self.mean(self.square.cell(place));
        mean.unwrap_or_else(|| self.plane.height(place))
    }

    /// Heights at places of which most are near the one before.
    pub(super) fn nearby(&self) -> Nearby<'_> {
        Nearby {
            ground: self,
            last: None,
        }
    }

    /// The mean of the cells nearest to this one that have one.
    fn mean(&self, [column, row]: [isize; 2]) -> Option<f64> {
        for ring in 0..=AROUND {
            let (mut sum, mut count) = (0.0, 0u32);
            for r in row - ring..=row + ring {
                for c in column - ring..=column + ring {
                    let on_ring = (r - row).abs().max((c - column).abs()) == ring;
                    if let Some(i) = self.square.index([c, r]).filter(|_| on_ring) {
                        sum += self.cells[i].0;
                        count += self.cells[i].1;
                    }
                }
            }
            if count > 0 {
                return Some(sum / f64::from(count));
            }
        }
        None
    }

    /// How far along a line of sight, m over the ground, it meets the ground;
    /// `None` if it does not within 90 m. The direction is of any length.
    pub(super) fn meet(&self, from: [f64; 3], toward: [f64; 3]) -> Option<f64> {
        let level = toward[0].hypot(toward[1]);
        let [dx, dy, dz] = toward.map(|c| c / level);
        if !(dx.is_finite() && dy.is_finite() && dz.is_finite()) {
            return None;
        }
        let over = |range: f64| {
            let place = [from[0] + dx * range, from[1] + dy * range];
            from[2] + dz * range - self.height(place)
        };
        let steps = (FAR_M / STEP_M) as u32;
        let mut last = (0.0, over(0.0));
        for i in 1..=steps {
            let range = f64::from(i) * STEP_M;
            let height = over(range);
            if last.1 > 0.0 && height <= 0.0 {
                let part = last.1 / (last.1 - height);
                return Some(last.0 + part * (range - last.0));
            }
            last = (range, height);
        }
        None
    }
}

/// The ground, and the cell that was looked at last.
pub(super) struct Nearby<'a> {
    ground: &'a Ground,
    last: Option<([isize; 2], Option<f64>)>,
}

impl Nearby<'_> {
    /// [`Ground::height`].
    pub(super) fn height(&mut self, place: [f64; 2]) -> f64 {
        let cell = self.ground.square.cell(place);
        let mean = match self.last {
            Some((last, mean)) if last == cell => mean,
            _ => self.ground.mean(cell),
        };
        self.last = Some((cell, mean));
        mean.unwrap_or_else(|| self.ground.plane.height(place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::Grid;

    fn about(plane: Plane) -> Ground {
        let [x, y, _] = plane.at;
        let grid = Grid {
            origin: [x, y].map(|c| c as i32 - 50),
            size: [100; 2],
            cell_mm: 1000,
            log_odds: Vec::new(),
        };
        Ground::new(plane, Square::over(&grid, [x, y], CELL_M))
    }

    fn level() -> Plane {
        Plane {
            at: [10.0, -5.0, 1.0],
            rise: [0.0; 2],
        }
    }

    #[test]
    fn a_line_of_sight_meets_the_ground_where_it_is() {
        let mut ground = about(level());
        // From two metres up, down by one in ten.
        let from = [10.0, -5.0, 3.0];
        let range = ground.meet(from, [1.0, 0.0, -0.1]).expect("meets it");
        assert!((range - 20.0).abs() < 0.01, "{range}");
        assert_eq!(ground.meet(from, [1.0, 0.0, 0.0]), None);
        assert_eq!(ground.meet(from, [0.0, 0.0, -1.0]), None);
        assert_eq!(ground.meet(from, [f64::NAN, 0.0, -1.0]), None);
        // The ground is a metre higher there.
        for i in 0..200 {
            ground.add([20.0 + f64::from(i) * 0.1, -5.0, 2.0]);
        }
        assert_eq!(ground.returns(), 200);
        let mut nearby = ground.nearby();
        for i in 0..100 {
            let place = [f64::from(i) * 0.5 - 10.0, -5.0];
            assert_eq!(nearby.height(place), ground.height(place));
        }
        assert!(ground.is_seen([21.0, -6.0]) && !ground.is_seen([14.0, -5.0]));
        let range = ground.meet(from, [1.0, 0.0, -0.1]).expect("meets it");
        assert!((range - 10.0).abs() < 1.0, "{range}");
    }

    #[test]
    fn far_outside_the_plane_goes_on() {
        let plane = Plane {
            rise: [0.1, 0.0],
            ..level()
        };
        let ground = about(plane);
        assert!((ground.height([1010.0, 0.0]) - 101.0).abs() < 1e-9);
        assert!(ground.height([f64::NAN, 0.0]).is_nan());
    }
}
