#ifndef CIFAR_CSQLITE_SHIM_H
#define CIFAR_CSQLITE_SHIM_H
#include <sqlite3.h>

/* sqlite3_db_config takes any arguments, which Swift cannot pass. */

/* What others added to a file does not act: its triggers do not fire, its views are not read, its
   definitions call nothing but SQLite's own harmless functions, and no statement writes to the
   schema itself. */
static inline int sqlite_distrust(sqlite3 *connection) {
  static const int off[] = {
      SQLITE_DBCONFIG_ENABLE_TRIGGER, SQLITE_DBCONFIG_ENABLE_VIEW, SQLITE_DBCONFIG_TRUSTED_SCHEMA};
  for (unsigned i = 0; i < sizeof off / sizeof *off; i++) {
    int code = sqlite3_db_config(connection, off[i], 0, (int *)0);
    if (code != SQLITE_OK) return code;
  }
  return sqlite3_db_config(connection, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)0);
}
#endif
