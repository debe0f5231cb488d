"""The generator refuses schemas that could not be encoded, and says where."""
import tempfile
import unittest
from pathlib import Path

import msggen

TYPES = 'ms : i32\n'
HEAD = 'data Thing   valid 0..3  flex 2\n'


def load(text):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / 'types.msg').write_text(TYPES)
        (root / 'thing.msg').write_text(text)
        return msggen.Schema(root)


BAD = {
    'unknown type': HEAD + '  a  i33\n',
    'no struct': HEAD + '  a  Other\n',
    'not inside': HEAD + '  a  i32  2..4\n',
    'outside what encloses': HEAD + '  a[]  Inner  2+\n    b  i32  1+\n',
    'not a version range': HEAD + '  a  i32  lossie\n',
    'not dense': HEAD + '  a  i32  tag 1  2+\n',
    'twice in tags': HEAD + '  a  i32  tag 0  2+\n  b  i32  tag 0  2+\n',
    'own without a tag': HEAD + '  a  i32  own\n',
    'own tag too low': HEAD + '  a  i32  tag 0  2+  own\n',
    'not flexible': HEAD + '  a  i32  tag 0  1+\n',
    'default is null': HEAD + '  a  string  = null\n',
    'bad default': HEAD + '  a  i8  = 200\n',
    'default of a string': HEAD + '  a  string  = x\n',
    'name is used twice': HEAD + '  a  i32\n  a  i16\n',
    'struct twice': HEAD + '  a[]  Inner\n    b  i32\n  c[]  Inner\n    b  i32\n',
    'keyword': HEAD + '  class  i32\n',
    'camel name': HEAD + '  someName  i32\n',
    'contains itself': HEAD + '  a[]  Inner\nstruct Inner\n  b[]  Inner\n',
    'fields of a number': HEAD + '  a  i32\n    b  i32\n',
    'struct lacks the version': HEAD + '  a[]  Inner\nstruct Inner  2+\n  b  i32\n',
    'unknown heading': 'thing Thing   valid 0\n',
    'unknown mark': 'data Thing   valid 0  flexy 2\n',
    'two messages': HEAD + '  a  i32\n' + HEAD + '  a  i32\n',
    'classic number': HEAD + '  a  i32  classic\n',
}


class MsggenTest(unittest.TestCase):
    def test_refuses(self):
        for name, text in BAD.items():
            with self.subTest(name), self.assertRaises(msggen.SchemaError):
                load(text)

    def test_reads_the_notation(self):
        schema = load('# about\napi 7 Thing   valid 1..3  flex 2   on broker  forwarded\n'
                      'request\n'
                      '  wait_ms    ms        = -1  tag 0  2+  lossy   # a comment\n'
                      '  names[]?2+ string    ..2\n'
                      '  items[]    Item\n'
                      '    id       i64       = max  key\n'
                      '    next     Link?     3\n'
                      'struct Link  3\n'
                      '  to         string\n'
                      'response\n')
        request, response = schema.messages
        self.assertEqual((request.name, response.name), ('ThingRequest', 'ThingResponse'))
        self.assertEqual([s.name for s in request.ordered], ['Link', 'Item'])
        self.assertEqual(response.fields, [])
        # v1: counts of names and items; v2: the same as uvarints, and the tag section.
        self.assertEqual([msggen.min_bytes(request, request, v) for v in (1, 2, 3)], [8, 3, 2])
        self.assertEqual([msggen.min_bytes(request, request.structs['Item'], v) for v in (1, 2, 3)], [8, 9, 10])

    def test_normal_form(self):
        schema = load('data Thing   valid 1..3  flex 2\n'
                      '  wait_ms    ms        = -1  tag 0  2+  lossy\n'
                      '  names[]?2+ string    ..2\n'
                      '  items[]    Item\n'
                      '    id       i64       = max  key\n')
        self.assertEqual(list(msggen.dump(schema)), [
            'Thing versions=1-3 flexible=2+ key=-',
            ' waitMs i32 2-3 tag=0 default=-1 lossy',
            ' names []string 1-2 null=2-2',
            ' items []Item 1-3',
            f'  id i64 1-3 default={2**63 - 1} key',
        ])


if __name__ == '__main__':
    unittest.main()
