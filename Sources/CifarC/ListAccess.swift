import CCifar

/// The two calls about a list that a handle keeps: how many there are, and one of them.
enum ListAccess {
  static func count<Item>(
    _ count: UnsafeMutablePointer<Int>?, of items: () throws -> [Item]
  ) -> cifar_status {
    guarded { try Argument.required(count, "count").pointee = items().count }
  }

  /// - Parameter kind: what an item is called in the error about an index.
  static func get<Item: Growing>(
    _ index: Int, _ kind: String, of items: () throws -> [Item],
    to info: UnsafeMutablePointer<Item>?, _ infoSize: Int
  ) -> cifar_status {
    guarded {
      let items = try items()
      let index = try Argument.index(index, below: items.count, kind)
      try GrowingStruct.write(items[index], to: info, size: infoSize, "info")
    }
  }

  static func className(
    _ index: UInt32, of names: () throws -> [UnsafePointer<CChar>?],
    to name: UnsafeMutablePointer<UnsafePointer<CChar>?>?
  ) -> cifar_status {
    guarded {
      let names = try names()
      let name = try Argument.required(name, "name")
      name.pointee = names[try Argument.index(Int(index), below: names.count, "class")]
    }
  }
}
