//! The attributes a recipe can ever ask for. All others are skipped where they stand.

use super::tree::Space;

/// Names of attributes, in lower case as they are read from a tag.
#[derive(Debug, Default)]
pub(in super::super) struct Wanted {
    names: Vec<Box<str>>,
    /// The names by their first byte: where they start, and where they end.
    starts: Vec<(u16, u16)>,
}

/// Foreign elements have attributes with a name space; these are the prefixes that give them one.
const PREFIXES: [&str; 3] = ["xlink:", "xml:", "xmlns:"];

impl Wanted {
    /// Whatever may turn out to have one of these local names.
    pub(in super::super) fn new<'a>(locals: impl IntoIterator<Item = &'a str>) -> Self {
        let mut names: Vec<Box<str>> = Vec::new();
        for local in locals {
            let local = local.to_ascii_lowercase();
            let prefixed =
                PREFIXES.iter().map(|prefix| format!("{prefix}{local}")).filter(|name| space_of(name).is_some());
            let forms: Vec<String> = prefixed.chain([local.clone()]).collect();
            names.extend(forms.into_iter().map(Into::into));
        }
        Self::exactly(names)
    }

    /// These names, in lower case, and no others.
    pub(in super::super) fn exactly(mut names: Vec<Box<str>>) -> Self {
        names.sort_unstable();
        names.dedup();
        assert!(names.len() < usize::from(u16::MAX), "a recipe that asks for more than 65534 attributes");
        let mut starts = vec![(0, 0); 256];
        for (at, name) in names.iter().enumerate() {
            let entry = &mut starts[usize::from(name.bytes().next().unwrap_or(0))];
            if entry.1 == 0 {
                entry.0 = at as u16;
            }
            entry.1 = at as u16 + 1;
        }
        Self { starts, names }
    }

    /// Which of the names this is, whatever its case.
    pub(in super::super) fn find(&self, name: &[u8]) -> Option<u16> {
        let first = name.first()?.to_ascii_lowercase();
        let (start, end) = self.starts[usize::from(first)];
        (start..end).find(|&at| self.names[usize::from(at)].as_bytes().eq_ignore_ascii_case(name))
    }

    /// The name an attribute has on an element of this vocabulary: its name space, and its local name.
    pub(super) fn name(&self, at: u16, space: Space) -> (&'static str, &str) {
        let name = &*self.names[usize::from(at)];
        if space == Space::Html {
            return ("", name);
        }
        if let Some((url, local)) = space_of(name) {
            return (url, local);
        }
        ("", adjusted(name, space).unwrap_or(name))
    }
}

/// What an attribute is called that has capitals in this vocabulary.
pub(super) fn adjusted(name: &str, space: Space) -> Option<&'static str> {
    match space {
        Space::Html => None,
        Space::MathMl => name.eq_ignore_ascii_case("definitionurl").then_some("definitionURL"),
        Space::Svg => SVG.iter().find(|adjusted| adjusted.eq_ignore_ascii_case(name)).copied(),
    }
}

/// The name space and local name of an attribute that has one in foreign elements.
fn space_of(name: &str) -> Option<(&'static str, &str)> {
    const XLINK: &str = "http://www.w3.org/1999/xlink";
    const XML: &str = "http://www.w3.org/XML/1998/namespace";
    const XMLNS: &str = "http://www.w3.org/2000/xmlns/";
    if name == "xmlns" {
        return Some((XMLNS, "xmlns"));
    }
    let (prefix, local) = name.split_once(':')?;
    match (prefix, local) {
        ("xlink", "actuate" | "arcrole" | "href" | "role" | "show" | "title" | "type") => Some((XLINK, local)),
        ("xml", "lang" | "space") => Some((XML, local)),
        ("xmlns", "xlink") => Some((XMLNS, local)),
        _ => None,
    }
}

/// Whether an attribute of this name, in lower case, has another one on some foreign element.
#[cfg(feature = "streaming")]
pub(super) fn is_renamed(name: &str) -> bool {
    name == "definitionurl" || SVG.iter().any(|adjusted| adjusted.eq_ignore_ascii_case(name))
}

/// SVG's attributes with capitals.
const SVG: [&str; 58] = [
    "attributeName",
    "attributeType",
    "baseFrequency",
    "baseProfile",
    "calcMode",
    "clipPathUnits",
    "diffuseConstant",
    "edgeMode",
    "filterUnits",
    "glyphRef",
    "gradientTransform",
    "gradientUnits",
    "kernelMatrix",
    "kernelUnitLength",
    "keyPoints",
    "keySplines",
    "keyTimes",
    "lengthAdjust",
    "limitingConeAngle",
    "markerHeight",
    "markerUnits",
    "markerWidth",
    "maskContentUnits",
    "maskUnits",
    "numOctaves",
    "pathLength",
    "patternContentUnits",
    "patternTransform",
    "patternUnits",
    "pointsAtX",
    "pointsAtY",
    "pointsAtZ",
    "preserveAlpha",
    "preserveAspectRatio",
    "primitiveUnits",
    "refX",
    "refY",
    "repeatCount",
    "repeatDur",
    "requiredExtensions",
    "requiredFeatures",
    "specularConstant",
    "specularExponent",
    "spreadMethod",
    "startOffset",
    "stdDeviation",
    "stitchTiles",
    "surfaceScale",
    "systemLanguage",
    "tableValues",
    "targetX",
    "targetY",
    "textLength",
    "viewBox",
    "viewTarget",
    "xChannelSelector",
    "yChannelSelector",
    "zoomAndPan",
];

/// SVG's elements with capitals, by their lower case.
pub(in super::super) fn svg_element(name: &str) -> Option<&'static str> {
    const ELEMENTS: [&str; 37] = [
        "altGlyph",
        "altGlyphDef",
        "altGlyphItem",
        "animateColor",
        "animateMotion",
        "animateTransform",
        "clipPath",
        "feBlend",
        "feColorMatrix",
        "feComponentTransfer",
        "feComposite",
        "feConvolveMatrix",
        "feDiffuseLighting",
        "feDisplacementMap",
        "feDistantLight",
        "feDropShadow",
        "feFlood",
        "feFuncA",
        "feFuncB",
        "feFuncG",
        "feFuncR",
        "feGaussianBlur",
        "feImage",
        "feMerge",
        "feMergeNode",
        "feMorphology",
        "feOffset",
        "fePointLight",
        "feSpecularLighting",
        "feSpotLight",
        "feTile",
        "feTurbulence",
        "foreignObject",
        "glyphRef",
        "linearGradient",
        "radialGradient",
        "textPath",
    ];
    ELEMENTS.iter().find(|adjusted| adjusted.eq_ignore_ascii_case(name)).copied()
}
