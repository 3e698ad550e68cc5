//! How high the ground is around the vehicle, in wide cells: enough to tell
//! where a line of sight meets it.

/// Side of a cell, m.
const CELL_M: f64 = 2.0;
/// Cells along a side.
const SIDE: usize = 64;
/// So many cells away, what is there tells the ground of a cell without any.
const AROUND: isize = 3;
/// A line of sight is followed as far as this, m,
const FAR_M: f64 = 90.0;
/// in steps of, m.
const STEP_M: f64 = 0.5;

/// Mean heights of the returns from the ground.
#[derive(Clone, Debug)]
pub(super) struct Ground {
    /// Of the corner with the least x and y, in odom, m.
    origin: [f64; 2],
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
    pub(super) fn new(plane: Plane) -> Self {
        let half = CELL_M * SIDE as f64 / 2.0;
        Self {
            origin: [plane.at[0] - half, plane.at[1] - half],
            plane,
            cells: vec![(0.0, 0); SIDE * SIDE],
            returns: 0,
        }
    }

    /// Takes in a return from the ground, m.
    pub(super) fn add(&mut self, [x, y, z]: [f64; 3]) {
        self.returns += 1;
        if let Some(cell) = self.index([x, y]) {
            self.cells[cell].0 += z;
            self.cells[cell].1 += 1;
        }
    }

    /// How many returns it is made of.
    pub(super) fn returns(&self) -> u32 {
        self.returns
    }

    fn index(&self, place: [f64; 2]) -> Option<usize> {
        let [column, row] = self.cell(place);
        let inside = |c: isize| (0..SIDE as isize).contains(&c);
        (inside(column) && inside(row)).then(|| row as usize * SIDE + column as usize)
    }

    fn cell(&self, place: [f64; 2]) -> [isize; 2] {
        [0, 1].map(|k| ((place[k] - self.origin[k]) / CELL_M).floor() as isize)
    }

    /// The height at a place in odom, m: the mean of the nearest cells that
    /// have one, else that of the plane under the vehicle.
    pub(super) fn height(&self, place: [f64; 2]) -> f64 {
        let [column, row] = self.cell(place);
        for ring in 0..=AROUND {
            let (mut sum, mut count) = (0.0, 0u32);
            for r in row - ring..=row + ring {
                for c in column - ring..=column + ring {
                    let on_ring = (r - row).abs().max((c - column).abs()) == ring;
                    let inside = |c: isize| (0..SIDE as isize).contains(&c);
                    if on_ring && inside(c) && inside(r) {
                        let (heights, n) = self.cells[r as usize * SIDE + c as usize];
                        sum += heights;
                        count += n;
                    }
                }
            }
            if count > 0 {
                return sum / f64::from(count);
            }
        }
        self.plane.height(place)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn level() -> Plane {
        Plane {
            at: [10.0, -5.0, 1.0],
            rise: [0.0; 2],
        }
    }

    #[test]
    fn a_line_of_sight_meets_the_ground_where_it_is() {
        let mut ground = Ground::new(level());
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
        let range = ground.meet(from, [1.0, 0.0, -0.1]).expect("meets it");
        assert!((range - 10.0).abs() < 1.0, "{range}");
    }

    #[test]
    fn far_outside_the_plane_goes_on() {
        let plane = Plane {
            rise: [0.1, 0.0],
            ..level()
        };
        let ground = Ground::new(plane);
        assert!((ground.height([1010.0, 0.0]) - 101.0).abs() < 1e-9);
        assert!(ground.height([f64::NAN, 0.0]).is_nan());
    }
}
