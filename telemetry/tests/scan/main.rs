//! The scanners against an oracle that shares no line with them: `opentelemetry-proto`'s messages. Columns are turned back
//! into messages (`rebuild`), the oracle's messages into what the scanners document (`normal`), and the two compared
//! byte by byte.

#[cfg(test)]
mod cutting;
#[cfg(test)]
mod errors;
#[cfg(test)]
mod generate;
#[cfg(test)]
mod generate_metrics;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod json;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod normal;
#[cfg(test)]
mod rebuild;
#[cfg(test)]
mod rebuild_metrics;
#[cfg(test)]
mod recorded;
#[cfg(test)]
mod request;
#[cfg(test)]
mod rewire;
#[cfg(test)]
mod same;
#[cfg(test)]
mod validating;
