//! Convex solids, of which everything in the world is made.

use nalgebra::{Vector2, Vector3};

use super::material::Material;

type Place = Vector3<f64>;

/// One side of a solid, in the frame of the thing that it belongs to.
#[derive(Clone, Debug)]
pub(super) struct Face {
    /// The outward unit normal.
    pub(super) normal: Place,
    /// Of a place on it, the product with the normal, m.
    pub(super) offset: f64,
    /// Its corners, anticlockwise from outside.
    pub(super) corners: Vec<Place>,
    pub(super) material: Material,
}

/// A convex polyhedron.
#[derive(Clone, Debug)]
pub(super) struct Solid {
    pub(super) faces: Vec<Face>,
    pub(super) corners: Vec<Place>,
}

/// The unit circle in eight and in twelve parts.
pub(super) const OCTAGON: [[f64; 2]; 8] = {
    const D: f64 = std::f64::consts::FRAC_1_SQRT_2;
    [
        [1.0, 0.0],
        [D, D],
        [0.0, 1.0],
        [-D, D],
        [-1.0, 0.0],
        [-D, -D],
        [0.0, -1.0],
        [D, -D],
    ]
};
pub(super) const DODECAGON: [[f64; 2]; 12] = {
    const H: f64 = 0.866_025_403_784_438_6;
    [
        [1.0, 0.0],
        [H, 0.5],
        [0.5, H],
        [0.0, 1.0],
        [-0.5, H],
        [-H, 0.5],
        [-1.0, 0.0],
        [-H, -0.5],
        [-0.5, -H],
        [0.0, -1.0],
        [0.5, -H],
        [H, -0.5],
    ]
};

/// The way in which a prism is drawn out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Along {
    /// The profile is (x, y).
    Z,
    /// The profile is (x, z).
    Y,
}

impl Solid {
    /// From the corners of each face, in any order of turning.
    pub(super) fn new(faces: impl IntoIterator<Item = (Vec<Place>, Material)>) -> Self {
        let faces: Vec<(Vec<Place>, Material)> = faces.into_iter().collect();
        let mut corners: Vec<Place> = Vec::new();
        for &corner in faces.iter().flat_map(|(corners, _)| corners) {
            if !corners.contains(&corner) {
                corners.push(corner);
            }
        }
        let middle = corners.iter().sum::<Place>() / corners.len() as f64;
        let faces = faces.into_iter().map(|(mut corners, material)| {
            // The normal of Newell, which does not mind short edges.
            let first = corners[0];
            let pairs = corners.iter().zip(corners.iter().skip(1));
            let normal: Place = pairs
                .map(|(a, b)| (a - first).cross(&(b - first)))
                .sum::<Place>();
            let mut normal = normal / normal.norm();
            if normal.dot(&(first - middle)) < 0.0 {
                normal = -normal;
                corners.reverse();
            }
            let offset = normal.dot(&first);
            Face {
                normal,
                offset,
                corners,
                material,
            }
        });
        Self {
            faces: faces.collect(),
            corners,
        }
    }

    /// A box along the axes.
    pub(super) fn cuboid(low: [f64; 3], high: [f64; 3], material: Material) -> Self {
        let [[x0, y0, z0], [x1, y1, z1]] = [low, high];
        let floor = [[x0, x1], [y0, y1]];
        Self::frustum(floor, floor, [z0, z1], [material; 6])
    }

    /// Between two rectangles along the axes, each `[[x0, x1], [y0, y1]]`,
    /// at two heights. Materials: −x, +x, −y, +y, −z, +z.
    pub(super) fn frustum(
        low: [[f64; 2]; 2],
        high: [[f64; 2]; 2],
        [bottom, top]: [f64; 2],
        materials: [Material; 6],
    ) -> Self {
        let corner = |i: usize, j: usize, k: usize| {
            let ([xs, ys], z) = if k == 0 { (low, bottom) } else { (high, top) };
            Place::new(xs[i], ys[j], z)
        };
        let side = |at: fn(usize, usize, usize) -> [usize; 3], i: usize| {
            [[0, 0], [1, 0], [1, 1], [0, 1]]
                .map(|[a, b]| {
                    let [i, j, k] = at(i, a, b);
                    corner(i, j, k)
                })
                .to_vec()
        };
        let x: fn(usize, usize, usize) -> [usize; 3] = |i, a, b| [i, a, b];
        let y: fn(usize, usize, usize) -> [usize; 3] = |i, a, b| [a, i, b];
        let z: fn(usize, usize, usize) -> [usize; 3] = |i, a, b| [a, b, i];
        let faces = [(x, 0), (x, 1), (y, 0), (y, 1), (z, 0), (z, 1)];
        Self::new(
            faces
                .into_iter()
                .zip(materials)
                .map(|((axis, i), material)| (side(axis, i), material)),
        )
    }

    /// A convex profile, anticlockwise, drawn out between two planes.
    pub(super) fn prism(
        profile: &[[f64; 2]],
        along: Along,
        [from, to]: [f64; 2],
        sides: Material,
        ends: Material,
    ) -> Self {
        let place = |[a, b]: [f64; 2], c: f64| match along {
            Along::Z => Place::new(a, b, c),
            Along::Y => Place::new(a, c, b),
        };
        let n = profile.len();
        let walls = (0..n).map(|i| {
            let [a, b] = [profile[i], profile[(i + 1) % n]];
            let wall = vec![place(a, from), place(b, from), place(b, to), place(a, to)];
            (wall, sides)
        });
        let caps = [from, to].map(|c| (profile.iter().map(|&p| place(p, c)).collect(), ends));
        Self::new(walls.chain(caps))
    }

    /// A rod of square section between two places at different heights.
    pub(super) fn rod(from: [f64; 3], to: [f64; 3], width: f64, material: Material) -> Self {
        let h = width / 2.0;
        let square = |[x, y, _]: [f64; 3]| [[x - h, x + h], [y - h, y + h]];
        Self::frustum(square(from), square(to), [from[2], to[2]], [material; 6])
    }

    /// A rounded body about a centre: eight sides in two rings between a
    /// smaller top and bottom.
    pub(super) fn ball(centre: [f64; 3], radii: [f64; 3], material: Material) -> Vec<Self> {
        let [x, y, z] = centre;
        let [a, b, c] = radii;
        let ring = |scale: f64, height: f64| -> Vec<Place> {
            OCTAGON
                .iter()
                .map(|[p, q]| Place::new(x + a * scale * p, y + b * scale * q, z + c * height))
                .collect()
        };
        let rings = [
            ring(0.5, -1.0),
            ring(1.0, -0.4),
            ring(1.0, 0.4),
            ring(0.5, 1.0),
        ];
        let mut faces = vec![(rings[0].clone(), material), (rings[3].clone(), material)];
        for pair in rings.windows(2) {
            for i in 0..8 {
                let j = (i + 1) % 8;
                let wall = vec![pair[0][i], pair[0][j], pair[1][j], pair[1][i]];
                faces.push((wall, material));
            }
        }
        vec![Self::new(faces)]
    }

    /// The same with every corner moved; the faces must stay flat.
    pub(super) fn moved(self, to: impl Fn(Place) -> Place) -> Self {
        Self::new(self.faces.into_iter().map(|face| {
            let corners = face.corners.into_iter().map(&to).collect();
            (corners, face.material)
        }))
    }

    /// Least and greatest coordinates.
    #[cfg(test)]
    pub(super) fn bounds(&self) -> [Place; 2] {
        let first = self.corners[0];
        self.corners.iter().fold([first; 2], |[low, high], corner| {
            [low.inf(corner), high.sup(corner)]
        })
    }

    /// Distance from a place to the surface, m, negative within; of places
    /// outside by an edge it is a lower bound.
    #[cfg(test)]
    pub(super) fn distance(&self, place: Place) -> f64 {
        self.faces
            .iter()
            .map(|face| face.normal.dot(&place) - face.offset)
            .fold(f64::NEG_INFINITY, f64::max)
    }
}

/// The convex hull of places, anticlockwise (the monotone chain of Andrew,
/// 1979).
pub(super) fn hull(mut places: Vec<Vector2<f64>>) -> Vec<Vector2<f64>> {
    places.sort_by(|a, b| a.x.total_cmp(&b.x).then(a.y.total_cmp(&b.y)));
    places.dedup();
    if places.len() < 3 {
        return places;
    }
    let mut hull: Vec<Vector2<f64>> = Vec::new();
    let mut chain = |places: &mut dyn Iterator<Item = &Vector2<f64>>| {
        let start = hull.len();
        for &place in places {
            while hull.len() >= start + 2
                && (hull[hull.len() - 1] - hull[hull.len() - 2])
                    .perp(&(place - hull[hull.len() - 1]))
                    <= 0.0
            {
                hull.pop();
            }
            hull.push(place);
        }
        hull.pop();
    };
    chain(&mut places.iter());
    chain(&mut places.iter().rev());
    hull
}

/// Whether two convex polygons, anticlockwise, overlap: no edge's line has
/// the other wholly outside (the separating axis theorem).
pub(super) fn overlap(a: &[Vector2<f64>], b: &[Vector2<f64>]) -> bool {
    let apart = |a: &[Vector2<f64>], b: &[Vector2<f64>]| {
        (0..a.len()).any(|i| {
            let from = a[i];
            let edge = a[(i + 1) % a.len()] - from;
            b.iter().all(|place| edge.perp(&(place - from)) < 0.0)
        })
    };
    !apart(a, b) && !apart(b, a)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synth::material::Surface;
    use proptest::prelude::*;

    const STUFF: Material = Material::new(Surface::Plain, [9; 3]);

    #[test]
    fn faces_look_outward_and_hold_their_corners() {
        let solids = [
            Solid::cuboid([-1.0, -2.0, 0.0], [1.0, 2.0, 3.0], STUFF),
            Solid::prism(&DODECAGON, Along::Y, [-0.1, 0.1], STUFF, STUFF),
            Solid::prism(&OCTAGON, Along::Z, [0.0, 4.0], STUFF, STUFF),
            Solid::rod([0.0; 3], [1.0, 0.5, 2.0], 0.1, STUFF),
            Solid::ball([1.0; 3], [1.0, 2.0, 3.0], STUFF).remove(0),
        ];
        for solid in solids {
            let middle = solid.corners.iter().sum::<Place>() / solid.corners.len() as f64;
            assert!(solid.distance(middle) < -1e-3);
            for face in &solid.faces {
                for corner in &face.corners {
                    assert!((face.normal.dot(corner) - face.offset).abs() < 1e-9);
                    assert!(solid.distance(*corner) < 1e-9, "is not convex");
                }
                let turn =
                    (face.corners[1] - face.corners[0]).cross(&(face.corners[2] - face.corners[1]));
                assert!(turn.dot(&face.normal) > 0.0);
            }
        }
        let ball = Solid::ball([1.0; 3], [1.0, 2.0, 3.0], STUFF).remove(0);
        assert_eq!(
            ball.bounds(),
            [Place::new(0.0, -1.0, -2.0), Place::new(2.0, 3.0, 4.0)]
        );
    }

    #[test]
    fn a_hull_leaves_out_what_lies_within() {
        let at = |x, y| Vector2::new(x, y);
        let places = vec![
            at(0.0, 0.0),
            at(1.0, 1.0),
            at(2.0, 0.0),
            at(2.0, 2.0),
            at(0.0, 2.0),
            at(1.0, 0.0),
        ];
        assert_eq!(
            hull(places),
            [at(0.0, 0.0), at(2.0, 0.0), at(2.0, 2.0), at(0.0, 2.0)]
        );
    }

    proptest! {
        #[test]
        fn polygons_overlap_where_they_share_a_place(
            a in prop::collection::vec(prop::array::uniform2(-3.0..3.0f64), 3..8),
            b in prop::collection::vec(prop::array::uniform2(-3.0..3.0f64), 3..8),
            [x, y] in prop::array::uniform2(-3.0..3.0f64),
        ) {
            let [a, b] = [a, b].map(|p| hull(p.into_iter().map(Vector2::from).collect()));
            let inside = |p: &[Vector2<f64>], at: Vector2<f64>| (0..p.len()).all(|i| {
                (p[(i + 1) % p.len()] - p[i]).perp(&(at - p[i])) >= 0.0
            });
            let at = Vector2::new(x, y);
            if inside(&a, at) && inside(&b, at) {
                prop_assert!(overlap(&a, &b));
            }
            let far: Vec<_> = b.iter().map(|p| p + Vector2::new(7.0, 0.0)).collect();
            prop_assert!(!overlap(&a, &far));
            prop_assert_eq!(overlap(&a, &b), overlap(&b, &a));
        }
    }
}
