//! A box in which something is drawn, in the units of an SVG.

use std::fmt::Write;

/// The size of a drawing and of the box in it. Each plot is drawn twice, for a wide page and for a phone: scaled down, its letters
/// would be too small to read.
#[derive(Clone, Copy, Debug)]
pub struct Plot {
    pub class: &'static str,
    pub width: f64,
    pub height: f64,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

pub const WIDE: Plot =
    Plot { class: "wide", width: 960.0, height: 320.0, left: 70.0, right: 20.0, top: 14.0, bottom: 46.0 };
pub const NARROW: Plot =
    Plot { class: "narrow", width: 360.0, height: 270.0, left: 54.0, right: 10.0, top: 12.0, bottom: 44.0 };

impl Plot {
    pub fn is_wide(&self) -> bool {
        self.class == WIDE.class
    }

    /// Where a share of the box's width is. What is no share is at its end.
    pub fn x(&self, share: f64) -> f64 {
        tenth(self.left + within(share) * (self.width - self.left - self.right))
    }

    /// Where a share of the box's height is, from below.
    pub fn y(&self, share: f64) -> f64 {
        tenth(self.height - self.bottom - within(share) * (self.height - self.top - self.bottom))
    }

    /// Begins the drawing, with what it shows in words.
    pub fn begin(&self, svg: &mut String, words: &str) {
        let Self { class, width, height, .. } = self;
        let _ =
            write!(svg, "<svg class=\"{class}\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{words}\">");
    }

    /// A line of the grid across the box, with its label to the left.
    pub fn level(&self, svg: &mut String, share: f64, label: &str) {
        let (y, from, to) = (self.y(share), self.x(0.0), self.x(1.0));
        let class = if share == 0.0 { "axis" } else { "grid" };
        let _ = write!(svg, "<path class=\"{class}\" d=\"M{from} {y}H{to}\"/>");
        let _ =
            write!(svg, "<text class=\"to-left\" x=\"{}\" y=\"{}\">{label}</text>", tenth(from - 8.0), tenth(y + 4.0));
    }

    /// A line of the grid up the box, with its label below.
    pub fn place(&self, svg: &mut String, share: f64, label: &str) {
        let (x, from, to) = (self.x(share), self.y(0.0), self.y(1.0));
        let _ = write!(svg, "<path class=\"grid\" d=\"M{x} {from}V{to}\"/>");
        // A label in the corner stays in the picture.
        let class = if x > self.width - 30.0 { "to-left" } else { "centred" };
        let x = if class == "to-left" { self.width - 2.0 } else { x };
        let _ = write!(svg, "<text class=\"{class}\" x=\"{x}\" y=\"{}\">{label}</text>", tenth(from + 18.0));
    }

    /// What the axes are, below the box.
    pub fn caption(&self, svg: &mut String, words: &str) {
        let (x, y) = (self.x(0.5), tenth(self.height - 6.0));
        let _ = write!(svg, "<text class=\"centred caption\" x=\"{x}\" y=\"{y}\">{words}</text>");
    }
}

fn within(share: f64) -> f64 {
    if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) }
}

/// Finer than anybody sees makes a page longer, and nothing else.
fn tenth(place: f64) -> f64 {
    (place * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Promise: everything is drawn within the box, whatever it is. Provoked: shares beyond 0 and 1, and none at all.
    #[test]
    fn places_are_in_the_box() {
        for plot in [WIDE, NARROW] {
            for share in [0.0, 0.5, 1.0, -3.0, 7.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                assert!((plot.left..=plot.width - plot.right).contains(&plot.x(share)));
                assert!((plot.top..=plot.height - plot.bottom).contains(&plot.y(share)));
            }
            assert!(plot.x(0.0) < plot.x(0.4) && plot.x(0.4) < plot.x(1.0));
            assert!(plot.y(0.0) > plot.y(0.4) && plot.y(0.4) > plot.y(1.0), "up is up");
        }
    }
}
