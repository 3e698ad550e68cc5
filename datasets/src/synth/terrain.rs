//! The ground: a profile along x, raised blocks with kerbs, and ramps.

use nalgebra::{Vector2, Vector3};

use super::material::{Material, Surface};
use super::scenario::{Area, Block, Ramp, Scenario};
use super::solid::{Along, Solid};
use super::stance::{Stance, left_of};

/// How far down the ground's solids go, m.
const DEPTH: f64 = 1.0;

/// Heights, and the solids that have them.
#[derive(Debug)]
pub(super) struct Terrain {
    area: Area,
    /// Height over x, both ascending in x, m; two points or more.
    profile: Vec<[f64; 2]>,
    blocks: Vec<Raised>,
    ramps: Vec<Ramp>,
    /// The ground in the world's frame.
    pub(super) solids: Vec<Solid>,
}

/// A raised block.
#[derive(Debug)]
struct Raised {
    outline: Vec<Vector2<f64>>,
    kerb: f64,
}

impl Terrain {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let area = scenario.area.clone();
        let [x0, x1] = [area.from[0], area.to[0]];
        let mut profile = area.profile.clone();
        if profile.is_empty() {
            profile = vec![[x0, 0.0], [x1, 0.0]];
        }
        // The ground goes on level outside of what the profile tells.
        let [first, last] = [profile[0], profile[profile.len() - 1]];
        if first[0] > x0 {
            profile.insert(0, [x0, first[1]]);
        }
        if last[0] < x1 {
            profile.push([x1, last[1]]);
        }
        let mut terrain = Self {
            area,
            profile,
            blocks: Vec::new(),
            ramps: scenario.ramps.clone(),
            solids: Vec::new(),
        };
        terrain.lay_road();
        for block in &scenario.blocks {
            terrain.raise(block);
        }
        for ramp in &scenario.ramps {
            terrain.incline(ramp);
        }
        terrain
    }

    /// The road's surface, everywhere, a solid for each piece of the profile.
    fn lay_road(&mut self) {
        let asphalt = Material::new(Surface::Asphalt, [76, 77, 80]);
        let [y0, y1] = [self.area.from[1], self.area.to[1]];
        let outline = |[x0, x1]: [f64; 2]| {
            [[x0, y0], [x1, y0], [x1, y1], [x0, y1]]
                .map(Vector2::from)
                .to_vec()
        };
        for i in 0..self.profile.len() - 1 {
            let [from, to] = [self.profile[i], self.profile[i + 1]];
            let piece = outline([from[0], to[0]]);
            self.solids
                .push(self.slab(&piece, 0.0, asphalt, Material::HIDDEN));
        }
    }

    fn raise(&mut self, block: &Block) {
        let outline = rounded(block);
        let surface = if block.grass {
            Material::new(Surface::Grass, [88, 118, 62])
        } else {
            Material::new(Surface::Paving, [150, 146, 140])
        };
        let kerb = Material::new(Surface::Kerb, [172, 170, 165]);
        for i in 0..self.profile.len() - 1 {
            let [from, to] = [self.profile[i][0], self.profile[i + 1][0]];
            let piece = cut(&cut(&outline, from, 1.0), to, -1.0);
            if area_of(&piece) > 1e-6 {
                self.solids
                    .push(self.slab(&piece, block.kerb, surface, kerb));
            }
        }
        self.blocks.push(Raised {
            outline,
            kerb: block.kerb,
        });
    }

    /// A solid whose top follows one piece of the profile, `over` it.
    fn slab(&self, outline: &[Vector2<f64>], over: f64, top: Material, side: Material) -> Solid {
        let z = outline.iter().map(|p| self.profile_at(p.x));
        let bottom = z.fold(f64::INFINITY, f64::min) - DEPTH;
        let places: Vec<[f64; 2]> = outline.iter().map(|&p| p.into()).collect();
        let prism = Solid::prism(&places, Along::Z, [bottom, bottom + DEPTH], side, top);
        let middle = bottom + DEPTH / 2.0;
        prism.moved(|corner| {
            if corner.z > middle {
                Vector3::new(corner.x, corner.y, self.profile_at(corner.x) + over)
            } else {
                corner
            }
        })
    }

    fn incline(&mut self, ramp: &Ramp) {
        let surface = Material::new(Surface::Paving, [128, 126, 122]);
        let side = Material::new(Surface::Plain, [140, 138, 134]);
        let [from, to] = [ramp.from, ramp.to];
        let base = self.profile_at((from[0] + to[0]) / 2.0);
        let solid = Solid::frustum(
            [[from[0], to[0]], [from[1], to[1]]],
            [[from[0], to[0]], [from[1], to[1]]],
            [base - DEPTH, base],
            [side, side, side, side, side, surface],
        );
        self.solids.push(solid.moved(|corner| {
            if corner.z < base - DEPTH / 2.0 {
                corner
            } else {
                let z = base + ramp.height_at(corner.xy());
                Vector3::new(corner.x, corner.y, z)
            }
        }));
    }

    fn profile_at(&self, x: f64) -> f64 {
        let last = self.profile.len() - 1;
        let next = self.profile.partition_point(|p| p[0] <= x).clamp(1, last);
        let [[x0, z0], [x1, z1]] = [self.profile[next - 1], self.profile[next]];
        z0 + (z1 - z0) * ((x - x0) / (x1 - x0)).clamp(0.0, 1.0)
    }

    /// Height of the ground, m.
    pub(super) fn height(&self, at: Vector2<f64>) -> f64 {
        let base = self.profile_at(at.x);
        let raised = self.blocks.iter().filter(|block| block.holds(at));
        let raised = raised.map(|block| block.kerb).fold(0.0, f64::max);
        let ramp = self.ramps.iter().filter(|ramp| ramp.holds(at));
        let ramp = ramp.map(|ramp| {
            let [from, to] = [ramp.from, ramp.to];
            self.profile_at((from[0] + to[0]) / 2.0) + ramp.height_at(at)
        });
        ramp.fold(base + raised, f64::max)
    }

    /// Upright, at the height of the ground.
    pub(super) fn upright(&self, at: Vector2<f64>, ahead: Vector2<f64>) -> Stance {
        Stance::upright(Vector3::new(at.x, at.y, self.height(at)), ahead)
    }

    /// On wheels that touch the ground `half` metres ahead, behind, to the
    /// left and to the right.
    pub(super) fn on_wheels(
        &self,
        at: Vector2<f64>,
        ahead: Vector2<f64>,
        half: [f64; 2],
    ) -> Stance {
        let left = left_of(ahead);
        let along = ahead * half[0];
        let across = left * half[1];
        let [front, rear, port, starboard] =
            [at + along, at - along, at + across, at - across].map(|at| self.height(at));
        let axis = |over: Vector2<f64>, rise: f64| Vector3::new(over.x, over.y, rise);
        Stance::new(
            Vector3::new(at.x, at.y, (front + rear + port + starboard) / 4.0),
            axis(along * 2.0, front - rear),
            axis(across * 2.0, port - starboard),
        )
    }
}

impl Raised {
    fn holds(&self, at: Vector2<f64>) -> bool {
        let n = self.outline.len();
        (0..n).all(|i| {
            let from = self.outline[i];
            (self.outline[(i + 1) % n] - from).perp(&(at - from)) >= 0.0
        })
    }
}

/// The outline of a block with its corners cut round, anticlockwise.
fn rounded(block: &Block) -> Vec<Vector2<f64>> {
    let [[x0, y0], [x1, y1]] = [block.from, block.to];
    let r = block.corner.min((x1 - x0) / 2.0).min((y1 - y0) / 2.0);
    if r <= 0.0 {
        return [[x0, y0], [x1, y0], [x1, y1], [x0, y1]]
            .map(Vector2::from)
            .to_vec();
    }
    use super::solid::DODECAGON as ROUND;
    let centres = [
        [x1 - r, y1 - r],
        [x0 + r, y1 - r],
        [x0 + r, y0 + r],
        [x1 - r, y0 + r],
    ];
    let mut outline: Vec<Vector2<f64>> = Vec::new();
    for (quarter, centre) in centres.into_iter().enumerate() {
        for step in 0..=3 {
            let [x, y] = ROUND[(quarter * 3 + step) % 12];
            let place = Vector2::new(centre[0] + r * x, centre[1] + r * y);
            // Where the block is as wide as its corners these meet.
            if outline
                .last()
                .is_none_or(|last| (last - place).norm() > 1e-9)
            {
                outline.push(place);
            }
        }
    }
    if (outline[0] - outline[outline.len() - 1]).norm() <= 1e-9 {
        outline.pop();
    }
    outline
}

/// The part of a convex outline on one side of a line of constant x
/// (Sutherland & Hodgman, 1974).
fn cut(outline: &[Vector2<f64>], x: f64, side: f64) -> Vec<Vector2<f64>> {
    let within = |p: Vector2<f64>| (p.x - x) * side >= 0.0;
    let mut part = Vec::new();
    for (i, &to) in outline.iter().enumerate() {
        let from = outline[(i + outline.len() - 1) % outline.len()];
        if within(from) != within(to) {
            let t = (x - from.x) / (to.x - from.x);
            part.push(Vector2::new(x, from.y + (to.y - from.y) * t));
        }
        if within(to) {
            part.push(to);
        }
    }
    part.dedup_by(|a, b| (*a - *b).norm() < 1e-9);
    part
}

fn area_of(outline: &[Vector2<f64>]) -> f64 {
    let n = outline.len();
    let twice = (0..n).map(|i| outline[i].perp(&outline[(i + 1) % n]));
    twice.sum::<f64>() / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn terrain() -> Terrain {
        let text = include_str!("../../scenarios/hill_and_ramp.toml");
        Terrain::new(&Scenario::parse("hill".as_ref(), text).expect("is right"))
    }

    proptest! {
        /// The queried height is that of the highest solid.
        #[test]
        fn height_is_where_the_solids_end(x in -40.0..90.0f64, y in -20.0..20.0f64) {
            let terrain = terrain();
            let at = Vector2::new(x, y);
            let height = terrain.height(at);
            let over = |z: f64| {
                let place = Vector3::new(x, y, z);
                terrain.solids.iter().map(|s| s.distance(place)).fold(f64::INFINITY, f64::min)
            };
            prop_assert!(over(height - 1e-6) < 1e-9);
            prop_assert!(over(height + 1e-3) > 0.0);
        }
    }

    #[test]
    fn a_vehicle_stands_along_the_slope() {
        let terrain = terrain();
        let steepest = (-400..900).map(|i| {
            let at = Vector2::new(f64::from(i) / 10.0, 0.0);
            let stance = terrain.on_wheels(at, Vector2::x(), [1.2, 0.8]);
            stance.axes[(2, 0)] / stance.axes[(0, 0)]
        });
        let steepest = steepest.fold(0.0, f64::max);
        assert!((steepest - 0.15).abs() < 1e-9, "{steepest}");
    }
}
