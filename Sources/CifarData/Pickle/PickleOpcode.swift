/// The opcodes that a pickled batch of CIFAR may have: those of protocols 2 to 5 that Python's
/// pickler writes for dictionaries, lists, tuples, texts, bytes, numbers and NumPy's arrays.
///
/// Source: Python's `pickletools`, whose names these are.
enum PickleOpcode: UInt8 {
  // MARK: The frame
  case proto = 0x80
  case frame = 0x95
  case stop = 0x2e  // .

  // MARK: Constants
  case none = 0x4e  // N
  case newTrue = 0x88
  case newFalse = 0x89
  case binInt = 0x4a  // J
  case binInt1 = 0x4b  // K
  case binInt2 = 0x4d  // M
  case long1 = 0x8a
  case binFloat = 0x47  // G

  // MARK: Texts and bytes
  case shortBinString = 0x55  // U
  case binString = 0x54  // T
  case binUnicode = 0x58  // X
  case shortBinUnicode = 0x8c
  case binUnicode8 = 0x8d
  case binBytes = 0x42  // B
  case shortBinBytes = 0x43  // C
  case binBytes8 = 0x8e
  case byteArray8 = 0x96

  // MARK: Containers
  case mark = 0x28  // (
  case emptyTuple = 0x29  // )
  case tuple = 0x74  // t
  case tuple1 = 0x85
  case tuple2 = 0x86
  case tuple3 = 0x87
  case emptyList = 0x5d  // ]
  case append = 0x61  // a
  case appends = 0x65  // e
  case emptyDict = 0x7d  // }
  case setItem = 0x73  // s
  case setItems = 0x75  // u

  // MARK: The memo
  case binPut = 0x71  // q
  case longBinPut = 0x72  // r
  case memoize = 0x94
  case binGet = 0x68  // h
  case longBinGet = 0x6a  // j

  // MARK: Calls
  case global = 0x63  // c
  case stackGlobal = 0x93
  case reduce = 0x52  // R
  case build = 0x62  // b
}
