//! Places on the earth in metres.

use nalgebra::Vector3;

/// The Mercator projection, true to scale at one latitude.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mercator {
    /// Cosine of that latitude.
    scale: f64,
}

impl Mercator {
    /// Earth's radius, m.
    pub(crate) const EARTH: f64 = 6_378_137.0;
    /// The projection has no poles; farther from the equator nobody drives,
    /// degrees.
    pub(crate) const MAX_LATITUDE: f64 = 85.0;

    /// The projection that keeps lengths at a latitude in degrees.
    pub(crate) fn true_at(latitude: f64) -> Self {
        Self {
            scale: latitude.to_radians().cos(),
        }
    }

    /// A place from latitude and longitude in degrees and altitude in metres:
    /// x east, y north and z up, m.
    pub(crate) fn place(self, latitude: f64, longitude: f64, altitude: f64) -> Vector3<f64> {
        let radius = self.scale * Self::EARTH;
        let north = ((90.0 + latitude).to_radians() / 2.0).tan().ln();
        Vector3::new(radius * longitude.to_radians(), radius * north, altitude)
    }
}
