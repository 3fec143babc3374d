//! slackwater
