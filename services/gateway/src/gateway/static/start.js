// A file of its own, since the page's policy allows no script in the HTML.
SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  docExpansion: "list",
  validatorUrl: null, // the document is sent to nobody
  queryConfigEnabled: false, // nobody can make this page show another document by a link
});
