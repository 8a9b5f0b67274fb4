import CCPUFeatures
import Glibc

/// The machine that the process runs on, as the record of a training has it.
public enum Machine {
  /// What is known, each thing under the name that JSON has:
  ///
  /// - `processor`: its model; `processors`: how many the process may use
  /// - `memory`: bytes of the machine
  /// - `processor_limit`, `memory_limit`: what control groups allow, where they limit it
  /// - `system`: the operating system; `kernel`: its kernel and the architecture
  public static var facts: [String: JSONValue] {
    var facts: [String: JSONValue] = [:]
    facts["processor"] = processor.map { .string($0) }
    facts["processors"] = .integer(Int64(cpu_allowed_count()))
    facts["memory"] = memory.map { .integer(Int64($0)) }
    facts["processor_limit"] = ControlGroup.processorQuota().map { .integer(Int64($0)) }
    facts["memory_limit"] = ControlGroup.current().map(\.limit).min().map { .integer(Int64($0)) }
    facts["system"] = system.map { .string($0) }
    facts["kernel"] = kernel.map { .string($0) }
    return facts
  }

  /// Its name in the network.
  public static var host: String {
    var names = utsname()
    return uname(&names) == 0 ? text(of: &names.nodename) : ""
  }

  private static var processor: String? {
    value("model name", in: "/proc/cpuinfo", separator: ":")
  }

  private static var memory: Int? {
    guard let text = value("MemTotal", in: "/proc/meminfo", separator: ":"),
      let number = text.split(separator: " ").first.flatMap({ Int($0) }),
      (1...Int.max / 1024).contains(number)
    else { return nil }
    return number * 1024
  }

  private static var system: String? {
    value("PRETTY_NAME", in: "/etc/os-release", separator: "=").map { text in
      text.count > 1 && text.hasPrefix("\"") && text.hasSuffix("\"")
        ? String(text.dropFirst().dropLast()) : text
    }
  }

  private static var kernel: String? {
    var names = utsname()
    guard uname(&names) == 0 else { return nil }
    return [text(of: &names.sysname), text(of: &names.release), text(of: &names.machine)]
      .joined(separator: " ")
  }

  private static func text<Field>(of field: inout Field) -> String {
    withUnsafeBytes(of: &field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }

  /// What stands after a name at the beginning of a line; the first such line.
  private static func value(_ name: String, in path: String, separator: Character) -> String? {
    guard let text = File.systemText(path) else { return nil }
    for line in text.split(separator: "\n") where line.hasPrefix(name) {
      guard let place = line.firstIndex(of: separator),
        trimmed(line[..<place]) == name
      else { continue }
      let value = trimmed(line[line.index(after: place)...])
      return value.isEmpty || value.utf8.count > 200 ? nil : value
    }
    return nil
  }

  private static func trimmed(_ text: Substring) -> String {
    String(text.drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
  }
}
