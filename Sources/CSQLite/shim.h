#ifndef CIFAR_CSQLITE_SHIM_H
#define CIFAR_CSQLITE_SHIM_H
#include <sqlite3.h>

/* sqlite3_db_config takes any arguments, which Swift cannot pass. */

/* What others added to a file does not act: its triggers do not fire. */
static inline int sqlite_disable_triggers(sqlite3 *connection) {
  return sqlite3_db_config(connection, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, (int *)0);
}
#endif
