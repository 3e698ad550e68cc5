//! What surfaces are made of, as light meets them.

/// A kind of surface; its pattern is drawn by [`super::texture`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Surface {
    /// A road, with what is painted on it.
    Asphalt,
    /// A pavement of slabs.
    Paving,
    /// A lawn.
    Grass,
    /// The stone at a pavement's edge.
    Kerb,
    /// A house's wall of bricks, with windows and doors.
    Brick,
    /// A house's plastered wall, with windows and doors.
    Plaster,
    /// A wall of bricks alone.
    Masonry,
    /// Boards.
    Boards,
    /// A car's body below the windows.
    Bodywork,
    /// A car's windows and roof.
    Glasshouse,
    /// A van's body, windows included.
    Van,
    /// A wheel: tyre and rim.
    Wheel,
    /// A bicycle's wheel: tyre and spokes.
    Spokes,
    /// A head: face, hair behind and above.
    Head,
    /// Cloth.
    Cloth,
    /// Leaves.
    Leaves,
    /// Bark.
    Bark,
    /// One colour.
    Plain,
    /// Never seen: where solids join.
    Hidden,
}

/// A surface and its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Material {
    pub(super) surface: Surface,
    /// RGB.
    pub(super) colour: [u8; 3],
}

impl Material {
    pub(super) const HIDDEN: Self = Self::new(Surface::Hidden, [0; 3]);

    pub(super) const fn new(surface: Surface, colour: [u8; 3]) -> Self {
        Self { surface, colour }
    }

    /// Fraction of a lidar's light that comes back from straight ahead.
    pub(super) fn reflectance(self) -> f64 {
        let [red, green, blue] = self.colour.map(|c| f64::from(c) / 255.0);
        let bright = 0.5 * red + 0.4 * green + 0.1 * blue;
        match self.surface {
            Surface::Asphalt => 0.16,
            Surface::Paving | Surface::Kerb => 0.32,
            Surface::Grass | Surface::Leaves => 0.45,
            Surface::Bark | Surface::Boards => 0.3,
            Surface::Wheel | Surface::Spokes => 0.08,
            Surface::Head => 0.4,
            // Glass and lacquer send most of it elsewhere.
            Surface::Glasshouse => 0.12,
            Surface::Bodywork | Surface::Van => 0.15 + 0.55 * bright,
            Surface::Brick
            | Surface::Masonry
            | Surface::Plaster
            | Surface::Cloth
            | Surface::Plain
            | Surface::Hidden => 0.1 + 0.6 * bright,
        }
    }
}
