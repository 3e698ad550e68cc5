//! Boxes in pictures, and how far two are one and the same.

/// A box in a picture: x_min, y_min, x_max, y_max, pixels; finite.
pub(crate) type PictureBox = [f64; 4];

/// Intersection over union of two boxes, from 0 to 1; 0 where either has no
/// area.
pub(crate) fn intersection_over_union(a: &PictureBox, b: &PictureBox) -> f64 {
    let both = intersection(a, b);
    if both > 0.0 {
        both / (area(a) + area(b) - both)
    } else {
        0.0
    }
}

/// Area of what two boxes share.
pub(crate) fn intersection(a: &PictureBox, b: &PictureBox) -> f64 {
    area(&[
        a[0].max(b[0]),
        a[1].max(b[1]),
        a[2].min(b[2]),
        a[3].min(b[3]),
    ])
}

/// Area of a box; 0 where it is inside out.
pub(crate) fn area([x_min, y_min, x_max, y_max]: &PictureBox) -> f64 {
    (x_max - x_min).max(0.0) * (y_max - y_min).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlap_is_intersection_over_union() {
        let unit = [0.0, 0.0, 2.0, 2.0];
        let overlap = intersection_over_union;
        assert_eq!(overlap(&unit, &unit), 1.0);
        assert_eq!(overlap(&unit, &[1.0, 0.0, 3.0, 2.0]), 1.0 / 3.0);
        assert_eq!(overlap(&unit, &[2.0, 0.0, 4.0, 2.0]), 0.0);
        assert_eq!(overlap(&unit, &[1.0, 1.0, 1.0, 1.0]), 0.0);
        assert_eq!(overlap(&[1.0; 4], &[1.0; 4]), 0.0);
        assert_eq!(overlap(&unit, &[2.0, 2.0, 0.0, 0.0]), 0.0);
    }
}
