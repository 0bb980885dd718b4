"""Request formats in, answer formats out, and the choice between them.  All pure: bytes or text to values and back.

In:   request (which of them is it?), json_in, xml_in (xml, soap, rdf), multipart, ini, media_type
Out:  answer (which of them is wanted?), json_out, xml_out (xml, soap), text_out (text, line, url), table, html_out,
      csv_out
      negotiate (the manual's four steps from a request to the format of its answer)
"""
