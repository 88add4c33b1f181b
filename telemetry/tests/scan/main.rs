//! The scanners against an oracle that shares no line with them: `opentelemetry-proto`'s messages, by way of `aia-oracle`.

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
mod memory;
#[cfg(test)]
mod recorded;
#[cfg(test)]
mod refusing;
#[cfg(test)]
mod rewire;
#[cfg(test)]
mod same;
#[cfg(test)]
mod validating;

#[cfg(test)]
use aia_oracle::{json, rebuild, request};
