//! Obstacles given by their outlines.

/// An obstacle with straight edges, convex or not; what lies inside by the
/// even–odd rule is solid.
#[derive(Clone, Debug, PartialEq)]
pub struct Polygon {
    vertices: Vec<[f64; 2]>,
}

/// Why vertices make no polygon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolygonError {
    /// There are fewer than three.
    #[error("a polygon has three vertices or more, found {0}")]
    TooFew(usize),
    /// A coordinate is not a number.
    #[error("vertex {0} of a polygon is not finite")]
    NotFinite(usize),
}

/// A rectangle in the plane.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rectangle {
    /// m.
    pub(crate) centre: [f64; 2],
    /// Unit vector of its length.
    pub(crate) along: [f64; 2],
    /// Half its length and half its width, m.
    pub(crate) half: [f64; 2],
}

impl Rectangle {
    /// Its corners, in order.
    pub(crate) fn corners(&self) -> [[f64; 2]; 4] {
        let ([x, y], [c, s], [ahead, left]) = (self.centre, self.along, self.half);
        [
            (ahead, left),
            (-ahead, left),
            (-ahead, -left),
            (ahead, -left),
        ]
        .map(|(a, l)| [x + c * a - s * l, y + s * a + c * l])
    }
}

impl Polygon {
    /// A polygon from its vertices in order, either way round, m. The last is
    /// joined to the first.
    pub fn new(vertices: Vec<[f64; 2]>) -> Result<Self, PolygonError> {
        if vertices.len() < 3 {
            return Err(PolygonError::TooFew(vertices.len()));
        }
        let broken = vertices
            .iter()
            .position(|v| !v.iter().all(|c| c.is_finite()));
        match broken {
            Some(vertex) => Err(PolygonError::NotFinite(vertex)),
            None => Ok(Self { vertices }),
        }
    }

    /// Its vertices, in order.
    pub fn vertices(&self) -> &[[f64; 2]] {
        &self.vertices
    }

    /// Whether the insides of both have a point in common. They have if an edge
    /// passes through the inside of the rectangle, or if none does and the
    /// rectangle lies within.
    pub(crate) fn overlaps(&self, rectangle: &Rectangle) -> bool {
        let Rectangle {
            centre,
            along: [c, s],
            half,
        } = *rectangle;
        let local = |[x, y]: [f64; 2]| {
            let [dx, dy] = [x - centre[0], y - centre[1]];
            [c * dx + s * dy, c * dy - s * dx]
        };
        let Some(&last) = self.vertices.last() else {
            return false;
        };
        let mut from = local(last);
        let mut within = false;
        for &vertex in &self.vertices {
            let to = local(vertex);
            if enters(from, to, half) {
                return true;
            }
            // Edges that a ray from the centre along +x passes.
            if (from[1] > 0.0) != (to[1] > 0.0) {
                let x = from[0] + (to[0] - from[0]) * from[1] / (from[1] - to[1]);
                within ^= x > 0.0;
            }
            from = to;
        }
        within
    }
}

/// Whether a segment passes through the inside of the rectangle of half the
/// sides `half` about the origin (Liang and Barsky, "A New Concept and Method
/// for Line Clipping", 1984).
fn enters(from: [f64; 2], to: [f64; 2], half: [f64; 2]) -> bool {
    let (mut first, mut last) = (0.0f64, 1.0f64);
    for k in 0..2 {
        let step = to[k] - from[k];
        if step == 0.0 {
            if from[k].abs() >= half[k] {
                return false;
            }
            continue;
        }
        let [a, b] = [-half[k], half[k]].map(|side| (side - from[k]) / step);
        first = first.max(a.min(b));
        last = last.min(a.max(b));
    }
    first < last
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rectangle(x: f64, y: f64, theta: f64, half: [f64; 2]) -> Rectangle {
        Rectangle {
            centre: [x, y],
            along: [theta.cos(), theta.sin()],
            half,
        }
    }

    fn polygon(vertices: &[[f64; 2]]) -> Polygon {
        Polygon::new(vertices.to_vec()).expect("a polygon")
    }

    #[test]
    fn a_horseshoe_is_hollow() {
        let horseshoe = polygon(&[
            [0.0, 0.0],
            [6.0, 0.0],
            [6.0, 5.0],
            [5.0, 5.0],
            [5.0, 1.0],
            [1.0, 1.0],
            [1.0, 5.0],
            [0.0, 5.0],
        ]);
        let hits = |x, y, half| horseshoe.overlaps(&rectangle(x, y, 0.0, half));
        assert!(!hits(3.0, 3.0, [1.9, 1.9]), "between its legs");
        assert!(!hits(3.0, 3.0, [2.0, 2.0]), "touching them");
        assert!(hits(3.0, 3.0, [2.01, 1.0]));
        assert!(hits(3.0, 0.5, [0.1, 0.1]), "inside of it");
        assert!(hits(3.0, 3.0, [9.0, 9.0]), "around it");
        assert!(!hits(8.0, 3.0, [1.9, 1.0]), "beside it");
        let turned = rectangle(3.0, 3.0, std::f64::consts::FRAC_PI_4, [2.0, 2.0]);
        assert!(horseshoe.overlaps(&turned), "its corners reach farther");
    }

    #[test]
    fn vertices_that_make_no_polygon() {
        let new = |vertices: &[[f64; 2]]| Polygon::new(vertices.to_vec()).map(|_| ());
        assert_eq!(new(&[[0.0, 0.0], [1.0, 0.0]]), Err(PolygonError::TooFew(2)));
        let nan = [[0.0, 0.0], [1.0, 0.0], [f64::NAN, 1.0]];
        assert_eq!(new(&nan), Err(PolygonError::NotFinite(2)));
        // All in a line they enclose nothing, but are there.
        let wire = polygon(&[[0.0, 0.0], [2.0, 0.0], [1.0, 0.0]]);
        assert!(wire.overlaps(&rectangle(1.0, 0.0, 0.3, [0.5, 0.2])));
        assert!(!wire.overlaps(&rectangle(1.0, 1.0, 0.0, [0.5, 0.2])));
    }

    proptest! {
        /// Of a triangle and a rectangle, which are convex, the axes of their
        /// sides tell: the separating axis theorem.
        #[test]
        fn triangles_agree_with_separating_axes(
            corners in prop::array::uniform3(prop::array::uniform2(-4.0..4.0f64)),
            (x, y, theta) in (-4.0..4.0f64, -4.0..4.0f64, -4.0..4.0f64),
            half in prop::array::uniform2(0.1..2.0f64),
        ) {
            let r = rectangle(x, y, theta, half);
            let rectangle = r.corners();
            let mut gap = f64::NEG_INFINITY;
            for shape in [&rectangle[..], &corners[..]] {
                for i in 0..shape.len() {
                    let [p, q] = [shape[i], shape[(i + 1) % shape.len()]];
                    let normal = [p[1] - q[1], q[0] - p[0]];
                    let size = normal[0].hypot(normal[1]);
                    let extent = |points: &[[f64; 2]]| {
                        let along = points.iter().map(|p| (p[0] * normal[0] + p[1] * normal[1]) / size);
                        along.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)))
                    };
                    let (a, b) = (extent(&rectangle), extent(&corners));
                    gap = gap.max(a.0 - b.1).max(b.0 - a.1);
                }
            }
            prop_assume!(gap.abs() > 1e-9);
            prop_assert_eq!(polygon(&corners).overlaps(&r), gap < 0.0);
        }
    }
}
