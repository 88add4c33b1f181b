//! Java, Kotlin and Scala: `at com.shop.Pay.charge(Pay.java:12)`.

use super::{Frame, Parsed, begins_with_any, type_before_colon};
use crate::text::strip_digits;

/// Packages of runtimes, frameworks and drivers.
const LIBRARIES: [&str; 58] = [
    "akka.",
    "brave.",
    "ch.qos.logback.",
    "com.codahale.",
    "com.fasterxml.",
    "com.google.common.",
    "com.mongodb.",
    "com.mysql.",
    "com.netflix.",
    "com.oracle.",
    "com.rabbitmq.",
    "com.sun.",
    "com.zaxxer.",
    "feign.",
    "graphql.",
    "groovy.",
    "io.grpc.",
    "io.helidon.",
    "io.lettuce.",
    "io.micrometer.",
    "io.micronaut.",
    "io.netty.",
    "io.opentelemetry.",
    "io.quarkus.",
    "io.reactivex.",
    "io.smallrye.",
    "io.undertow.",
    "io.vertx.",
    "jakarta.",
    "java.",
    "javassist.",
    "javax.",
    "jdk.",
    "kotlin.",
    "kotlinx.",
    "net.bytebuddy.",
    "net.sf.cglib.",
    "okhttp3.",
    "oracle.jdbc.",
    "org.aspectj.",
    "org.apache.",
    "org.codehaus.",
    "org.eclipse.",
    "org.glassfish.",
    "org.h2.",
    "org.hibernate.",
    "org.jboss.",
    "org.junit.",
    "org.mongodb.",
    "org.mariadb.",
    "org.postgresql.",
    "org.slf4j.",
    "org.springframework.",
    "reactor.",
    "redis.clients.",
    "retrofit2.",
    "scala.",
    "sun.",
];

/// Marks of classes that are made while the program runs; what stands before them is the class they were made of.
const GENERATED: [&str; 5] = [
    "$$EnhancerBy",
    "$$FastClassBy",
    "$$SpringCGLIB",
    "$HibernateProxy",
    "$MockitoMock",
];

/// Reads the section of the innermost cause: what wraps it only says where it passed.
pub(super) fn parse(text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    let mut suppressed_indent = None;
    for line in text.lines() {
        let trimmed = line.trim_start();
        let indent = line.len() - trimmed.len();
        if suppressed_indent.is_some_and(|suppressed| indent <= suppressed) {
            suppressed_indent = None;
        }
        if trimmed.starts_with("Suppressed: ") {
            suppressed_indent = suppressed_indent.or(Some(indent));
        } else if suppressed_indent.is_some() {
            // Failures while cleaning up, with causes of their own: they explain nothing.
        } else if let Some(cause) = trimmed.strip_prefix("Caused by: ") {
            parsed = Parsed {
                root_type: type_before_colon(cause).map(str::to_owned),
                frames: Vec::new(),
            };
        } else if let Some(frame) = frame(trimmed) {
            parsed.frames.extend(frame);
        }
    }
    parsed
}

/// `Some(None)` is a frame that is nobody's.
fn frame(line: &str) -> Option<Option<Frame>> {
    let call = line.strip_prefix("at ")?;
    let (function, source) = call.split_once('(')?;
    let source = source.split(')').next()?;
    let file = source.split(':').next()?;
    let is_source = [".java", ".kt", ".scala", ".groovy", ".clj"]
        .iter()
        .any(|ending| file.ends_with(ending))
        || ["Native Method", "Unknown Source", "<generated>"].contains(&source);
    if !is_source || function.contains(' ') || !function.contains('.') {
        return None;
    }
    let is_lambda_class = function.contains("$$Lambda");
    let is_proxy = function.contains("$Proxy") || function.contains("GeneratedMethodAccessor");
    if is_lambda_class || is_proxy || function.contains("MethodAccessorImpl") {
        return Some(None);
    }
    // `app//com.shop.Pay.charge` and `java.base/java.util.List.get` name loader and module.
    let function = function.rsplit('/').next().unwrap_or(function);
    let in_app = !begins_with_any(function, &LIBRARIES);
    Some(Some(Frame {
        name: strip_digits(&without_generated(function), ""),
        in_app,
    }))
}

/// `com.shop.Pay$$EnhancerBySpringCGLIB$$1a2b.charge` is `com.shop.Pay.charge`.
fn without_generated(function: &str) -> String {
    let Some(start) = GENERATED.iter().filter_map(|mark| function.find(mark)).min() else {
        return function.to_owned();
    };
    let method = function.rsplit('.').next().unwrap_or_default();
    format!("{}.{method}", function.get(..start).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::super::Stack;

    const TRACE: &str = "\
org.springframework.web.util.NestedServletException: Request processing failed
\tat org.springframework.web.servlet.FrameworkServlet.processRequest(FrameworkServlet.java:1014)
\tat com.shop.web.TraceFilter.doFilter(TraceFilter.java:41)
\tSuppressed: java.io.IOException: closing
\t\tat com.shop.pay.Socket.close(Socket.java:9)
\t\tCaused by: java.io.EOFException
\t\t\tat com.shop.pay.Socket.flush(Socket.java:12)
Caused by: com.shop.pay.CardDeclined: card 4711 declined
\tat com.shop.pay.Cards.lambda$charge$3(Cards.java:88)
\tat com.shop.pay.Cards$$Lambda$417/0x0000000800e5c440.apply(Unknown Source)
\tat java.base/java.util.Optional.map(Optional.java:260)
\tat com.shop.pay.Cards$$EnhancerBySpringCGLIB$$8f3a1c.charge(<generated>)
\tat app//com.shop.pay.Cards.charge(Cards.java:80)
\tat jdk.internal.reflect.GeneratedMethodAccessor91.invoke(Unknown Source)
\tat com.sun.proxy.$Proxy123.charge(Unknown Source)
\tat com.shop.order.Orders$2.place(Orders.java:17)
\t... 48 more
";

    #[test]
    fn reads_the_innermost_cause() {
        let stack = Stack::parse(TRACE);
        assert_eq!(stack.root_type.as_deref(), Some("com.shop.pay.CardDeclined"));
        let expected = [
            "com.shop.pay.Cards.lambda$charge$",
            "com.shop.pay.Cards.charge",
            "com.shop.order.Orders$.place",
        ];
        assert_eq!(stack.frames, expected);
    }

    #[test]
    fn another_build_reads_the_same() {
        let other = TRACE
            .replace(":88)", ":91)")
            .replace("$3(", "$4(")
            .replace("8f3a1c", "77aa0b")
            .replace("Lambda$417", "Lambda$9")
            .replace("Orders$2", "Orders$3")
            .replace("48 more", "51 more");
        assert_eq!(Stack::parse(&other), Stack::parse(TRACE));
    }
}
