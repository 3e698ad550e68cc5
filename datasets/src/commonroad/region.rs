//! Shapes, and places that are told by them.

use super::element::{Element, Wrong};
use super::network::Network;

/// What something covers. Of an obstacle it is in the frame of the obstacle's
/// state, elsewhere in that of the file.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// A rectangle.
    Rectangle {
        /// Along its own x axis, m.
        length: f64,
        /// Across it, m.
        width: f64,
        /// Its middle, m.
        centre: [f64; 2],
        /// Direction of its x axis, rad from x towards y.
        yaw: f64,
    },
    /// A circle.
    Circle {
        /// m.
        radius: f64,
        /// m.
        centre: [f64; 2],
    },
    /// A polygon.
    Polygon {
        /// In turn, m.
        corners: Vec<[f64; 2]>,
    },
}

/// Where something is, or has to get to.
#[derive(Clone, Debug, PartialEq)]
pub enum Position {
    /// Exactly there, m.
    Point([f64; 2]),
    /// Within one of the shapes.
    Area(Vec<Shape>),
    /// On one of the lanes, by index.
    Lanes(Vec<usize>),
}

/// The shapes directly within an element; several are a group.
pub(super) fn shapes(element: &Element<'_, '_>) -> Result<Vec<Shape>, Wrong> {
    let shapes: Result<Vec<Shape>, Wrong> = element.all().filter_map(|e| shape(&e)).collect();
    let shapes = shapes?;
    if shapes.is_empty() {
        return Err(element.wrong("", "one or more rectangles, circles and polygons"));
    }
    Ok(shapes)
}

/// The shape that an element is; `None` if it is something else.
fn shape(element: &Element<'_, '_>) -> Option<Result<Shape, Wrong>> {
    let read = match element.name() {
        "rectangle" => rectangle,
        "circle" => circle,
        "polygon" => polygon,
        _ => return None,
    };
    Some(read(element))
}

fn rectangle(element: &Element<'_, '_>) -> Result<Shape, Wrong> {
    let yaw = element.child("orientation");
    Ok(Shape::Rectangle {
        length: element.size("length")?,
        width: element.size("width")?,
        centre: centre(element)?,
        yaw: yaw.map_or(Ok(0.0), |yaw| yaw.number())?,
    })
}

fn circle(element: &Element<'_, '_>) -> Result<Shape, Wrong> {
    Ok(Shape::Circle {
        radius: element.size("radius")?,
        centre: centre(element)?,
    })
}

fn polygon(element: &Element<'_, '_>) -> Result<Shape, Wrong> {
    let corners = element.points()?;
    if corners.len() < 3 {
        return Err(element.wrong("", "three or more points"));
    }
    let corners = corners.into_iter().map(|[x, y, _]| [x, y]).collect();
    Ok(Shape::Polygon { corners })
}

/// The middle of a shape, by default the origin.
fn centre(element: &Element<'_, '_>) -> Result<[f64; 2], Wrong> {
    let centre = element.child("center").map(|centre| centre.point());
    let [x, y, _] = centre.transpose()?.unwrap_or_default();
    Ok([x, y])
}

impl Position {
    pub(super) fn read(element: &Element<'_, '_>, network: &Network) -> Result<Self, Wrong> {
        if let Some(point) = element.child("point") {
            let [x, y, _] = point.point()?;
            return Ok(Self::Point([x, y]));
        }
        let lanes = element.children("lanelet").map(|lanelet| {
            let id = lanelet.reference("ref")?;
            let lane = network.numbers.get(&id).copied();
            lane.ok_or_else(|| lanelet.wrong("ref", "a lanelet that is there"))
        });
        let lanes: Vec<usize> = lanes.collect::<Result<_, _>>()?;
        if !lanes.is_empty() {
            return Ok(Self::Lanes(lanes));
        }
        shapes(element).map(Self::Area)
    }
}
