//! What is to be taken from every page.

use super::super::bounds::{Clock, Exceeded};
use super::super::dom::sight::Sight;
use super::super::dom::wanted::Wanted;
use super::super::search::BYTES;
use super::super::{CssField, Values};
use super::WhyNot;
use super::compile::{Attribute, Tests};
use super::field::Field;
use super::not_plain::NotPlain;
use super::reader::{Reader, Stop};
use super::room::{Open, Room};

/// Bytes that open elements may take: a page of tags that are never closed would have ten times its own.
const MOST: usize = 64 << 20;

/// The fields, and what has to be asked of each start tag for them.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) fields: Vec<Field>,
    pub(super) tests: Tests,
    pub(super) wanted: Wanted,
    /// For each of the wanted names, in their order, which of the tests' attributes it is.
    pub(super) places: Vec<Attribute>,
    /// Words of bits that each open element has.
    pub(super) stride: usize,
    /// The most elements that may be open.
    pub(super) deepest: usize,
}

impl Plan {
    pub(super) fn new(fields: &[(usize, CssField)]) -> Result<Self, WhyNot> {
        let mut tests = Tests::new();
        let fields = fields.iter().enumerate().map(|(n, field)| Field::new(n, field, &mut tests));
        let fields: Vec<Field> = fields.collect::<Result<_, _>>()?;
        let wanted = Wanted::exactly(tests.attributes.clone());
        let mut places = vec![0; tests.attributes.len()];
        for (at, name) in tests.attributes.iter().enumerate() {
            if let Some(place) = wanted.find(name.as_bytes()) {
                places[usize::from(place)] = at as Attribute;
            }
        }
        let stride = tests.words * if tests.siblings { 4 } else { 2 };
        let deepest = MOST / (size_of::<Open>() + stride * size_of::<u64>());
        Ok(Self { fields, tests, wanted, places, stride, deepest })
    }

    /// Takes all fields from a page without carriage returns, as far as its bounds allow. With a `sight`, only if the page is plain to it.
    /// # Errors
    /// Why it is not; then nothing has been taken.
    pub(super) fn run(
        &self,
        room: &mut Room,
        page: &str,
        (sight, clock): (Option<&Sight>, Clock),
        values: &mut Values,
    ) -> Result<(), NotPlain> {
        room.begin(self.fields.len());
        let left = values.room();
        let read = match sight {
            Some(sight) => Reader::<true>::new(self, page, room, (left, &clock), sight).run(),
            None => Reader::<false>::new(self, page, room, (left, &clock), &Sight::default()).run(),
        };
        let outcome = match read {
            Err(Stop::NotPlain(why)) => Err(why),
            Err(Stop::Full) => {
                values.exceed_room();
                Ok(())
            }
            Err(Stop::Deep) => {
                values.exceed(Exceeded::Streaming(MOST));
                Ok(())
            }
            Err(Stop::Time) => Ok(()),
            Ok(()) => {
                self.give(room, page, &clock, values);
                Ok(())
            }
        };
        values.heed(&clock);
        room.clear();
        outcome
    }

    /// Adds what was found to the values, as far as there is time and room.
    fn give(&self, room: &Room, page: &str, clock: &Clock, values: &mut Values) {
        for found in &room.found {
            if values.exceeded().is_some() || clock.is_over() {
                return;
            }
            let field = &self.fields[found.field as usize];
            let from = match (found.in_page, field.takes_attribute()) {
                (true, _) => page,
                (false, true) => &room.attributes,
                (false, false) => &room.text,
            };
            let value = &from[found.start..found.end.min(from.len())];
            clock.spend(value.len() / BYTES);
            field.give(value, values);
        }
        if values.exceeded().is_none() {
            self.fields.iter().for_each(|field| field.finish(values));
        }
    }
}
