/// A control group that limits the memory of the processes in it (containers, batch systems,
/// systemd's MemoryMax); what it allows them of the processors is asked for by itself.
struct ControlGroup: Equatable {
  /// Its place in the hierarchy.
  var path: String
  /// Bytes.
  var limit: Int
  /// Bytes that its processes use, without what the system would give up: its cache of files.
  var used: Int

  /// Where a group's files are, and which names they have there.
  struct Place: Equatable {
    var path: String
    var directory: String
    var isVersion2: Bool
  }

  private static let known = ProcessLock(.controlGroups, (source: "", places: [Place]()))

  /// The groups with a limit that this process is in, the innermost first.
  static func current() -> [ControlGroup] {
    guard let source = File.systemText("/proc/self/cgroup") else { return [] }
    let places = known.withLock { known in
      if known.source != source {
        let mounts = File.systemText("/proc/self/mountinfo") ?? ""
        known = (source, ControlGroup.places(groups: source, mounts: mounts))
      }
      return known.places
    }
    return places.compactMap { read($0, File.systemText) }
  }

  /// The process's own group of a controller and those around it.
  ///
  /// - Parameters:
  ///   - groups: /proc/self/cgroup, a line a hierarchy: number:controllers:path.
  ///   - mounts: /proc/self/mountinfo.
  ///   - controller: `memory` or `cpu`, which in version 1 has a hierarchy of its own.
  static func places(
    groups: String, mounts: String, controller: String = "memory"
  ) -> [Place] {
    var result: [Place] = []
    for line in groups.split(separator: "\n") {
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3 else { continue }
      let isVersion2 = parts[0] == "0" && parts[1].isEmpty
      guard isVersion2 || parts[1].split(separator: ",").contains(controller[...])
      else { continue }
      guard
        let mount = Mount.first(in: mounts, isVersion2: isVersion2, controller: controller)
      else { continue }
      var path = String(parts[2])
      // A group outside of the process's namespace: only the namespace's root can be seen.
      if path.hasPrefix("/..") { path = "/" }
      // In a container the mount shows a part of the hierarchy only.
      if mount.root != "/", path == mount.root || path.hasPrefix(mount.root + "/") {
        path = String(path.dropFirst(mount.root.count))
      }
      while true {
        let inner = path == "/" ? "" : path
        result.append(
          Place(
            path: inner.isEmpty ? "/" : inner, directory: mount.point + inner,
            isVersion2: isVersion2))
        guard let slash = inner.lastIndex(of: "/") else { break }
        path = String(inner[..<slash])
      }
    }
    return result
  }

  /// nil for a group without a limit.
  ///
  /// - Parameter file: the text of a file, nil if there is none.
  static func read(_ place: Place, _ file: (String) -> String?) -> ControlGroup? {
    func number(_ name: String) -> Int? {
      file("\(place.directory)/\(name)").flatMap { Int($0.filter { !$0.isWhitespace }) }
    }
    let limit = number(place.isVersion2 ? "memory.max" : "memory.limit_in_bytes")
    // Version 1 says "no limit" by a number beyond any machine; version 2 by "max".
    guard let limit, limit < 1 << 60 else { return nil }
    let current = number(place.isVersion2 ? "memory.current" : "memory.usage_in_bytes") ?? 0
    let prefix = place.isVersion2 ? "" : "total_"
    var cache = 0
    for line in (file("\(place.directory)/memory.stat") ?? "").split(separator: "\n") {
      let words = line.split(separator: " ")
      guard words.count == 2, let bytes = Int(words[1]) else { continue }
      if words[0] == "\(prefix)inactive_file" || words[0] == "\(prefix)active_file" {
        cache += min(max(0, bytes), 1 << 60)
      }
    }
    return ControlGroup(path: place.path, limit: limit, used: max(0, current - cache))
  }

  private struct Mount {
    var root: String
    var point: String

    /// Fields of a line: id, parent, device, root, mount point, options, … - type, source, options.
    static func first(in mounts: String, isVersion2: Bool, controller: String) -> Mount? {
      for line in mounts.split(separator: "\n") {
        let words = line.split(separator: " ")
        guard let dash = words.firstIndex(of: "-"), dash >= 6, words.count > dash + 3
        else { continue }
        let options = words[dash + 3].split(separator: ",")
        let fits =
          isVersion2
          ? words[dash + 1] == "cgroup2"
          : words[dash + 1] == "cgroup" && options.contains(controller[...])
        if fits { return Mount(root: String(words[3]), point: String(words[4])) }
      }
      return nil
    }
  }
}
