//! The edge: the Worker and its plugins in real workerd.

mod bundle;
