//! Promise: OTLP's specification is kept, over HTTP and gRPC, for traces, logs and metrics, under real clients.

#[cfg(test)]
mod bomb;
#[cfg(test)]
mod clients;
#[cfg(test)]
mod examples;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod refused_rows;
#[cfg(test)]
mod send;
#[cfg(test)]
mod taker;
