import unittest

from settings import complaints


class Settings(unittest.TestCase):
    def test_a_contact_is_a_mail_address(self):
        self.assertEqual(complaints({"contact": "ada@example.com"}), [])
        self.assertEqual(len(complaints({"contact": "ada"})), 1)
