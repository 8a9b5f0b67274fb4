/* A Python that has a SQLite of its own linked in, and a module that uses it: made by wheel.py. */

#include <Python.h>
#include <sqlite3.h>

static sqlite3 *connection;

static PyObject *result_of(int status) {
  if (status == SQLITE_OK) Py_RETURN_NONE;
  return PyErr_Format(PyExc_RuntimeError, "%s", sqlite3_errmsg(connection));
}

static PyObject *open_file(PyObject *self, PyObject *path) {
  (void)self;
  int status = sqlite3_open(PyUnicode_AsUTF8(path), &connection);
  sqlite3_busy_timeout(connection, 60000);
  return result_of(status);
}

static PyObject *execute(PyObject *self, PyObject *sql) {
  (void)self;
  return result_of(sqlite3_exec(connection, PyUnicode_AsUTF8(sql), NULL, NULL, NULL));
}

static PyObject *close_file(PyObject *self, PyObject *none) {
  (void)self, (void)none;
  return result_of(sqlite3_close(connection));
}

static PyObject *version(PyObject *self, PyObject *none) {
  (void)self, (void)none;
  return PyUnicode_FromString(sqlite3_libversion());
}

static PyMethodDef methods[] = {
  {"open", open_file, METH_O, NULL},
  {"execute", execute, METH_O, NULL},
  {"close", close_file, METH_NOARGS, NULL},
  {"version", version, METH_NOARGS, NULL},
  {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "builtin_sqlite", NULL, -1, methods};

static PyObject *initialise(void) { return PyModule_Create(&module); }

int main(int count, char **arguments) {
  PyImport_AppendInittab("builtin_sqlite", initialise);
  return Py_BytesMain(count, arguments);
}
