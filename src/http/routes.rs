//! What is found where.

use super::page;
use super::request::Request;
use super::response::{Answer, Body, JSON, Status};
use super::watch::Watch;
use crate::observe::Scrape;

pub(super) fn answer(request: &Request, watch: &Watch) -> Answer {
    let answer = match request.path.as_str() {
        "/" => Answer::page(page::html(), page::policy()),
        "/health" => {
            let (is_well, body) = watch.health();
            Answer::new(if is_well { Status::Ok } else { Status::Unavailable }, JSON, Body::Shared(body))
        }
        "/pools.json" => Answer::new(Status::Ok, JSON, Body::Shared(watch.pools())),
        "/metrics" => Answer::new(Status::Ok, Scrape::CONTENT_TYPE, Body::Shared(watch.metrics())),
        _ => Answer::text(Status::NotFound, "Not Found: there are /, /pools.json, /health and /metrics\n".to_owned()),
    };
    answer.head_only(request.head_only)
}
