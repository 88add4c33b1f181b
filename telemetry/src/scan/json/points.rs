//! Data points and exemplars.

use serde::de::MapAccess;

use super::{
    message::{Element, List, Message, Object, skip},
    scalar,
    value::attributes,
};
use crate::scan::{
    error::Breach,
    metrics::{
        ExemplarRow, ExponentialHistogramRow, Extent, HistogramRow, MetricSink, PointRow, SummaryRow,
        point_kind,
    },
};

/// `NumberDataPoint`.
pub(super) struct Number(PointRow);

impl Number {
    pub(super) fn begin(scan: &mut MetricSink) -> Self {
        Self(scan.begin_point())
    }
}

impl Message<MetricSink> for Number {
    const NAME: &'static str = "NumberDataPoint";

    fn field<'de, A: MapAccess<'de>>(
        &mut self,
        scan: &mut MetricSink,
        key: &str,
        map: &mut A,
    ) -> Result<(), A::Error> {
        let Self(point) = self;
        match key {
            "asDouble" => set_double(map, &mut point.value_kind, &mut point.value),
            "asInt" => set_int(map, &mut point.value_kind, &mut point.value),
            _ => point_field(point, scan, key, map),
        }
    }
}

impl Element<MetricSink> for Number {
    fn end(self, scan: &mut MetricSink) -> Result<(), Breach> {
        scan.end_number(&self.0)
    }
}

/// `HistogramDataPoint`.
pub(super) struct Histogram {
    point: PointRow,
    row: HistogramRow,
}

impl Histogram {
    pub(super) fn begin(scan: &mut MetricSink) -> Self {
        Self {
            point: scan.begin_point(),
            row: HistogramRow::default(),
        }
    }
}

impl Message<MetricSink> for Histogram {
    const NAME: &'static str = "HistogramDataPoint";

    fn field<'de, A: MapAccess<'de>>(
        &mut self,
        scan: &mut MetricSink,
        key: &str,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match key {
            "count" => self.row.count = scalar::integer(map)?,
            "sum" | "min" | "max" => extent_field(&mut self.row.extent, key, map)?,
            "bucketCounts" => scalar::integers(map, &mut scan.histograms.bucket_counts)?,
            "explicitBounds" => scalar::doubles(map, &mut scan.histograms.explicit_bounds)?,
            _ => point_field(&mut self.point, scan, key, map)?,
        }
        Ok(())
    }
}

impl Element<MetricSink> for Histogram {
    fn end(self, scan: &mut MetricSink) -> Result<(), Breach> {
        scan.end_histogram(self.point, &self.row)
    }
}

/// `ExponentialHistogramDataPoint`.
pub(super) struct ExponentialHistogram {
    point: PointRow,
    row: ExponentialHistogramRow,
}

impl ExponentialHistogram {
    pub(super) fn begin(scan: &mut MetricSink) -> Self {
        Self {
            point: scan.begin_point(),
            row: ExponentialHistogramRow::default(),
        }
    }
}

impl Message<MetricSink> for ExponentialHistogram {
    const NAME: &'static str = "ExponentialHistogramDataPoint";

    fn field<'de, A: MapAccess<'de>>(
        &mut self,
        scan: &mut MetricSink,
        key: &str,
        map: &mut A,
    ) -> Result<(), A::Error> {
        let row = &mut self.row;
        match key {
            "count" => row.count = scalar::integer(map)?,
            "sum" | "min" | "max" => extent_field(&mut row.extent, key, map)?,
            "scale" => row.scale = scalar::integer(map)?,
            "zeroCount" => row.zero_count = scalar::integer(map)?,
            "zeroThreshold" => row.zero_threshold = scalar::double(map)?,
            "positive" => map.next_value_seed(Object {
                message: &mut Buckets::Positive(row),
                scan,
            })?,
            "negative" => map.next_value_seed(Object {
                message: &mut Buckets::Negative(row),
                scan,
            })?,
            _ => point_field(&mut self.point, scan, key, map)?,
        }
        Ok(())
    }
}

impl Element<MetricSink> for ExponentialHistogram {
    fn end(self, scan: &mut MetricSink) -> Result<(), Breach> {
        scan.end_exponential_histogram(self.point, &self.row)
    }
}

/// `ExponentialHistogramDataPoint.Buckets`.
enum Buckets<'x> {
    Positive(&'x mut ExponentialHistogramRow),
    Negative(&'x mut ExponentialHistogramRow),
}

impl Message<MetricSink> for Buckets<'_> {
    const NAME: &'static str = "ExponentialHistogramDataPoint.Buckets";

    fn field<'de, A: MapAccess<'de>>(
        &mut self,
        scan: &mut MetricSink,
        key: &str,
        map: &mut A,
    ) -> Result<(), A::Error> {
        let table = &mut scan.exponential_histograms;
        let (offset, counts) = match self {
            Self::Positive(row) => (&mut row.positive_offset, &mut table.positive_counts),
            Self::Negative(row) => (&mut row.negative_offset, &mut table.negative_counts),
        };
        match key {
            "offset" => *offset = scalar::integer(map)?,
            "bucketCounts" => scalar::integers(map, counts)?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

/// `SummaryDataPoint`.
pub(super) struct Summary {
    point: PointRow,
    row: SummaryRow,
}

impl Summary {
    pub(super) fn begin(scan: &mut MetricSink) -> Self {
        Self {
            point: scan.begin_point(),
            row: SummaryRow::default(),
        }
    }
}

impl Message<MetricSink> for Summary {
    const NAME: &'static str = "SummaryDataPoint";

    fn field<'de, A: MapAccess<'de>>(
        &mut self,
        scan: &mut MetricSink,
        key: &str,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match key {
            "count" => self.row.count = scalar::integer(map)?,
            "sum" => self.row.sum = scalar::double(map)?,
            "quantileValues" => {
                map.next_value_seed(List {
                    scan,
                    begin: |_: &mut MetricSink| Quantile::default(),
                })?;
            }
            // The only points without exemplars.
            "exemplars" => skip(map)?,
            _ => point_field(&mut self.point, scan, key, map)?,
        }
        Ok(())
    }
}

impl Element<MetricSink> for Summary {
    fn end(self, scan: &mut MetricSink) -> Result<(), Breach> {
        scan.end_summary(self.point, &self.row)
    }
}

/// `SummaryDataPoint.ValueAtQuantile`, as bits of doubles.
#[derive(Default)]
struct Quantile {
    quantile: u64,
    value: u64,
}

impl Message<MetricSink> for Quantile {
    const NAME: &'static str = "SummaryDataPoint.ValueAtQuantile";

    fn field<'de, A: MapAccess<'de>>(
        &mut self,
        _: &mut MetricSink,
        key: &str,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match key {
            "quantile" => self.quantile = scalar::double(map)?,
            "value" => self.value = scalar::double(map)?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl Element<MetricSink> for Quantile {
    fn end(self, scan: &mut MetricSink) -> Result<(), Breach> {
        scan.push_quantile(self.quantile, self.value)
    }
}

impl Message<MetricSink> for ExemplarRow {
    const NAME: &'static str = "Exemplar";

    fn field<'de, A: MapAccess<'de>>(
        &mut self,
        scan: &mut MetricSink,
        key: &str,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match key {
            "filteredAttributes" => attributes(scan, map, |scan, item| scan.exemplars.attributes.push(item))?,
            "timeUnixNano" => self.time = scalar::integer(map)?,
            "asDouble" => set_double(map, &mut self.value_kind, &mut self.value)?,
            "asInt" => set_int(map, &mut self.value_kind, &mut self.value)?,
            "spanId" => self.span_id = scalar::span_id(map)?,
            "traceId" => self.trace_id = scalar::trace_id(map)?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl Element<MetricSink> for ExemplarRow {
    fn end(self, scan: &mut MetricSink) -> Result<(), Breach> {
        scan.end_exemplar(&self)
    }
}

/// Fields that all points have.
fn point_field<'de, A: MapAccess<'de>>(
    point: &mut PointRow,
    scan: &mut MetricSink,
    key: &str,
    map: &mut A,
) -> Result<(), A::Error> {
    match key {
        "attributes" => attributes(scan, map, |scan, item| scan.points.attributes.push(item))?,
        "startTimeUnixNano" => point.start_time = scalar::integer(map)?,
        "timeUnixNano" => point.time = scalar::integer(map)?,
        "exemplars" => map.next_value_seed(List {
            scan,
            begin: |_: &mut MetricSink| ExemplarRow::default(),
        })?,
        "flags" => point.flags = scalar::integer(map)?,
        _ => skip(map)?,
    }
    Ok(())
}

fn extent_field<'de, A: MapAccess<'de>>(extent: &mut Extent, key: &str, map: &mut A) -> Result<(), A::Error> {
    let Some(bits) = scalar::optional_double(map)? else {
        return Ok(());
    };
    match key {
        "sum" => extent.set_sum(bits),
        "min" => extent.set_min(bits),
        _ => extent.set_max(bits),
    }
    Ok(())
}

fn set_double<'de, A: MapAccess<'de>>(map: &mut A, kind: &mut u8, value: &mut u64) -> Result<(), A::Error> {
    if let Some(bits) = scalar::optional_double(map)? {
        (*kind, *value) = (point_kind::DOUBLE, bits);
    }
    Ok(())
}

fn set_int<'de, A: MapAccess<'de>>(map: &mut A, kind: &mut u8, value: &mut u64) -> Result<(), A::Error> {
    if let Some(int) = scalar::optional_integer::<i64, A>(map)? {
        (*kind, *value) = (point_kind::INT, int.cast_unsigned());
    }
    Ok(())
}
